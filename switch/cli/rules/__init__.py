"""The commands on rule packs, one module each; group.py is their table."""
