"""Reads the Postfix log and queue; tells metrics, traces and the ledger. Start reading at `pipeline.py`."""
