"""Dinky Mail instead of a Dinky Server's own mail server: the installation, and other services that send mail."""
