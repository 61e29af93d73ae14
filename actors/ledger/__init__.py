"""One shard's wallets, holds, keys and windows in arrays, and all that changes them.

Pure Numba kernels and their state: no I/O, clock or randomness; time and ids are arguments.
"""
