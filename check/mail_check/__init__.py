"""Checks everything that mail needs, once, and reports what is wrong and how to fix it."""
