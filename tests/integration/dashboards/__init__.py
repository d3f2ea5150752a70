"""Dashboard queries on a real Prometheus that scrapes the real services."""
