"""Integration tests on the real images, with one stack of docker-compose.test.yml over the shipped files."""

import os

# The image of testcontainers' clean-up container cannot be pulled without a registry. Read at import.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
