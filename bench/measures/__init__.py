"""One module a benchmark: what it measures, for how long, and the figures it gives."""
