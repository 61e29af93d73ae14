"""PostgreSQL.

Connecting, the embedded server, sessions for stores, named statements and migrations (sql/). Of records it knows where their bytes lie.
"""
