"""Every way to fail, with its code, status, whether a retry helps, and what the caller can do.

Data and words only.
"""
