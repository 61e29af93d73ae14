"""The commands on rule packs."""
