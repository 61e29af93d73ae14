"""What is kept in PostgreSQL beside the journal.

Topology, API keys, keys of batches, profiles of wallets, rule packs and their deployment. It may touch the database and never moves
money.
"""
