"""Credit features: the catalogue of `models.credit`, from journals or exports, one task a shard.

It reads, adds up and writes files; it changes nothing that others read.
"""
