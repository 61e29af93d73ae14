"""Scorecards.

Evaluation to the same bits everywhere, and the tables and statistics around it. Pure functions of arrays; training/ makes them.
"""
