"""The only store of money.

Blocks appended whole or not at all, fenced by writer, in PostgreSQL and in memory with the same promises. It may touch the database and
the record layout, never the ledger.
"""
