"""Tests of mail_check."""
