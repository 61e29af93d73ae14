"""Scorers, which run rule packs and scorecards over batches of payments; the check of packs.

It may touch stores and processes, never the ledger or the journal.
"""
