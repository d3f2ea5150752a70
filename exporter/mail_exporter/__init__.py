"""Postfix exporter: metrics, traces and ledger rows from mail log and queue. Start reading at `pipeline.py`."""
