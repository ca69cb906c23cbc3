"""Benchmarks: each is a package that ``python -m`` runs."""
