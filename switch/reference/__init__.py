"""Writes the pages of docs/reference that the code knows.

Commands, configuration, metrics, HTTP API, journal format. Reads every other package and is imported by none; `python -m
switch.reference` writes the pages, a test compares them.
"""
