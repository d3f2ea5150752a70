"""The mail server on its real image: access control, no lost mail, and errors for invalid settings."""
