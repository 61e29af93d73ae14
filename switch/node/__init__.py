"""What runs: settings, the supervisor, the node process with its actors and where they are placed.

It starts everything and answers no request itself.
"""
