"""The commands on scorecards, one module each; group.py is their table."""
