"""Records as people see them.

Transfers with their lifecycle, statements, events. It reads the journal and knows no transport.
"""
