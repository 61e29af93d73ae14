"""From the text of a pack to a checked document.

YAML with places, expressions, tables, lists, tests, and errors at line and column. It compiles nothing.
"""
