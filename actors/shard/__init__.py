"""A shard: a core without I/O, and the host, actor and remote that carry its messages.

Only this room writes a ledger and a journal together.
"""
