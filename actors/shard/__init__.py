"""A shard: a core without I/O that turns messages into messages, and the host, actor and remote that carry them. Only this room writes a
ledger and a journal together.
"""
