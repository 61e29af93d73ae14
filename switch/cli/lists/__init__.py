"""The commands on lists that the switch keeps, one module each; group.py is their table."""
