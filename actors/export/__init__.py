"""Journal to Parquet for analysts, exactly once, and the reader that gives the records back.

It reads the journal and writes files.
"""
