"""Alerts that reach a person when mail is broken: what they are, and what Prometheus and Alertmanager are told."""
