"""Tests on the real images; they share one stack, made by docker-compose.test.yml over the shipped files."""
