"""Settings of all unit tests: garbage collection and Hypothesis."""

import gc

from hypothesis import HealthCheck, settings

# No deadline: on a busy machine the time of an example depends on other processes.
settings.register_profile("unit", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")

# Imports and collected tests stay in memory until the end; scanning them for garbage took 5 % of the time.
gc.disable()


def pytest_collection_finish() -> None:
    """Enable garbage collection for objects that the tests create."""
    gc.collect()
    gc.freeze()
    gc.enable()
