"""Looks once at everything that mail needs on its way, and says what is wrong and what to do."""
