"""A shard's memory in a file, so that a restart need not read the whole journal.

It may fork and write files; the journal stays the truth.
"""
