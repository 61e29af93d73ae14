"""What a compiled pack is at run time.

Decisions as integers, counters, the challenger's share. It may touch the vocabulary and models/.
"""
