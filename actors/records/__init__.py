"""The bytes that everybody shares.

Layouts of records, ids, outcome codes, blocks and their hash chain. Pure functions over arrays; no I/O, clock or randomness, and no
knowledge of who reads or writes them.
"""
