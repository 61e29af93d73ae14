"""Counts of what a pack would have decided, and the report made of them.

It knows not where history came from.
"""
