"""Tests of the exporter, from log lines to what leaves it."""
