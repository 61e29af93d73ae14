"""Credit features: the catalogue of `models.credit` computed from journals or exports.

One task a shard. It reads, adds up and writes files; it changes nothing that others read.
"""
