"""Shares by caller.

Queues in turn, work in slices, limits of connections. It knows callers as names and nothing of payments.
"""
