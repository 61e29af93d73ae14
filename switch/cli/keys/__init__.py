"""The commands on API keys, one module each; group.py is their table."""
