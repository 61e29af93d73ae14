"""The way to the shards.

Rows are encoded, routed to their home and gathered into calls. It knows HTTP types and shard clients, and keeps no state of money.
"""
