"""Alerts about broken mail: rules for Prometheus, routes and receivers for Alertmanager."""
