"""Scorers: actors that run rule packs and scorecards over batches of payments, and the pool that shards call. It may touch stores and
processes, never the ledger or the journal.
"""
