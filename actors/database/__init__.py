"""PostgreSQL: connecting, the embedded server, sessions for stores, named statements and migrations (sql/). It knows no records and no
actors.
"""
