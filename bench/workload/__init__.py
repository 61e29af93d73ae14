"""The data and load that all contenders share, and where processor time goes meanwhile."""
