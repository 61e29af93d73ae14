"""Micro-benchmarks of single kernels under pytest-benchmark."""
