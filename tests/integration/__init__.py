"""Tests on the real images; they share one stack, made by docker-compose.test.yml over the shipped files."""

import os

# testcontainers' clean-up container is an image that a machine without a registry cannot pull; read at import.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
