"""Scorers: actors that run rule packs and scorecards over batches of payments, and their pool; the check of packs.

It may touch stores and processes, never the ledger or the journal.
"""
