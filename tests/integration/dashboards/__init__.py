"""The dashboards' queries on a real Prometheus that scrapes real services."""
