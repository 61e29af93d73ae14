"""The catalogue of credit features.

One entry a feature: what it means, in which unit and window, and SQL over an export that says the same. Pure data.
"""
