"""The switch as its users meet it.

HTTP, the command line, imports, and the node that runs it all. It asks actors and moves no money itself.
"""
