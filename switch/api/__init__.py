"""The HTTP application.

One module a resource, one table of routes. A handler checks, asks the gateway or a view, and answers.
"""
