"""How processes call one another.

Bytes in, bytes out, three possible ends; and what a caller of a shard or scorer may rely on. It may touch Ray and knows no ledger.
"""
