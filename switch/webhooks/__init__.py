"""Events to where their owners want them.

Signatures, addresses that may be called, attempts, one sender for the cluster. It may touch HTTP.
"""
