"""Shared by mail-api and mail-exporter: names of telemetry, causes, trace propagation, logging and address masking."""
