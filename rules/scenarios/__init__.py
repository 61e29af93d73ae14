"""Credit scenarios: the catalogue in YAML, how one is read and checked, and what it says of a wallet. Pure.

Their conditions and grants are of the language of rule packs, over other columns.
"""
