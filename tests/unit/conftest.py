"""Settings of all unit tests: garbage collection and Hypothesis."""

import gc

from hypothesis import HealthCheck, settings

# On a busy machine, how long an example takes says nothing about the code.
settings.register_profile("unit", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")

# Imports and collected tests stay until the end: looking through them for garbage took 5 % of the time.
gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage from here on, among what the tests make."""
    gc.collect()
    gc.freeze()
    gc.enable()
