"""Recomputes balances and lifecycles from the journal alone and names what does not agree.

It reads the journal and shares the record layout with the ledger, and nothing else.
"""
