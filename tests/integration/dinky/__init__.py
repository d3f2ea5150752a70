"""Dinky Mail in the place of a Dinky Server's own mail server: what is installed, and who goes on sending."""
