"""From bytes to typed requests and back: schema, decoding, keys and access, cursors, times, responses. It knows no shard."""
