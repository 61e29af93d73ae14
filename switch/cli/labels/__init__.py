"""The commands on labels of payments, one module each; group.py is their table."""
