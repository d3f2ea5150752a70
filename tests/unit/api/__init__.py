"""Unit tests of the mail API."""
