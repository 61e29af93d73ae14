"""Rule packs: the language they are written in, the compiler, and what a compiled pack decides. Pure: no I/O but reading packs, no clock."""
