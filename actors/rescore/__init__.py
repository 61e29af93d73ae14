"""Score everybody: Parquet files in, Parquet files out, by one card.

A unit of work is some row groups of some files. A worker takes it from file to kernel to file; nothing else is sent. It may touch
files and start workers, and knows neither the switch nor its journals.
"""
