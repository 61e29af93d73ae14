"""From bytes to typed requests and back.

Schema, decoding, keys and access, cursors, times, responses. It knows no shard.
"""
