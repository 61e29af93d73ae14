"""Folders of files on a disk or in an object store: read by ranges, written whole, under a lease.

It may touch files and object stores (obstore), and knows nothing of what is in the files.
"""
