"""Alert rules, routes and the fire drill on a real Prometheus and Alertmanager."""
