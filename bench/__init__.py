"""Benchmarks: ratios measured in one run. It stands above all others and nothing imports it."""
