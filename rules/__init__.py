"""Rule packs: the language they are written in, the compiler, and what a compiled pack decides.

Pure: no clock, and no I/O but reading packs from disk.
"""
