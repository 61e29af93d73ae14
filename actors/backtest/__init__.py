"""A pack against history.

An export or the switch's own journal decided anew, on one machine or on Ray. It reads, counts and changes nothing.
"""
