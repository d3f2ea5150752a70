"""Rules, routes and the fire drill on real Prometheus and Alertmanager."""
