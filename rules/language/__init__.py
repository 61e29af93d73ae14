"""From the text of a pack to a checked document.

YAML with positions, expressions, tables, lists, tests, and errors at line and column. It compiles nothing.
"""
