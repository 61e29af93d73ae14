"""One module a contender: the switch itself and those it is compared with, started for their rounds."""
