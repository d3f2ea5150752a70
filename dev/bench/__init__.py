"""Benchmarks of the exporter and the API, each compared with another program in the same run."""
