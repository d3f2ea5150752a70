"""Alertmanager's configuration, generated from variables: Alertmanager itself expands none."""
