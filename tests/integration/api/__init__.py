"""The API with the real Postfix and a real browser."""
