"""The API against the real Postfix, and in front of a real browser."""
