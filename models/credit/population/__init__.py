"""People who do not exist: hidden traits, a year of payments and orders, and who defaults after it.

Pure and seeded. All of it is synthetic, and every name and file says so; what a card reaches on it says nothing of real people.
"""
