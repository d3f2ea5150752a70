"""Benchmarks, each against a peer in the same run; the Makefile runs them."""
