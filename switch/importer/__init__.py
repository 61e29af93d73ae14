"""Files of other systems become payments over the public API.

Formats, order, progress, and balances compared with the file's.
"""
