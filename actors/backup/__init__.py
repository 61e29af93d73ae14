"""One instant of every table into a folder, and back into an empty database.

It may touch the database and files, and runs beside a live switch.
"""
