"""The commands on scorecards."""
