"""What a rule may name.

Fields, columns, words and their numbers, currencies, countries, time zones. Constants and pure functions; it knows no syntax.
"""
