"""From a checked document to machine code: operations become row loops over int64 columns. It may touch the language and Numba."""
