"""The command line, one module a command.

Commands parse, call and print; what they do lives elsewhere.
"""
