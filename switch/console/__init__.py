"""The operator console: pages for people, each with a JSON twin.

It knows no store and no shard: all that it shows or changes goes through calls of the API, with the rights of whoever is signed in. May
touch aiohttp.
"""
