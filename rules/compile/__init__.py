"""From a checked document to machine code.

Operations become row loops over int64 columns. It may touch the language and Numba.
"""
