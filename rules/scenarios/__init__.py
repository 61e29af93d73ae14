"""Credit scenarios in YAML: how one is read and checked, and its result for a wallet. Pure.

Their conditions and grants are of the language of rule packs, over other columns.
"""
