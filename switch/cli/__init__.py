"""The command line, one module a command.

Commands parse, call and print; the work is done in other rooms.
"""
