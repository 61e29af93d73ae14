"""The commands on rescoring jobs, one module each; group.py is their table, and the job itself."""
