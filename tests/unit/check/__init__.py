"""mail_check."""
