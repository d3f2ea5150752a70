"""Schedule of faults and disturbances in a soak."""

import itertools

import pytest

from tests.integration.soak.schedule import DISTURBANCES, FAULTS, OUTAGE_SECONDS, settled, steps

MINUTE = 60.0


@pytest.mark.parametrize("minutes", [2, 3, 10, 30])
def test_everything_happens(minutes: int) -> None:
    """Every fault and every disturbance is scheduled, even in the shortest run, and every fault ends in time."""
    planned = steps(minutes * MINUTE)
    assert {step.what for step in planned if step.act == "fault"} == {name for name, _ in FAULTS}
    assert {(step.act, step.what) for step in planned} >= set(DISTURBANCES)
    assert [step.at for step in planned] == sorted(step.at for step in planned)
    assert planned[-1].at < minutes * MINUTE
    assert sum(step.act == "fault" for step in planned) == sum(step.act == "repair" for step in planned)


@pytest.mark.parametrize("minutes", [2, 10])
def test_quiet_end(minutes: int) -> None:
    """No process is ended in the last part, so that memory can be compared."""
    late = [step for step in steps(minutes * MINUTE) if step.at >= settled(minutes * MINUTE)]
    assert late
    assert [step for step in late if step.act in {"restart", "kill"}] == []


def test_outage_in_which_mail_expires() -> None:
    """A long run has one fault that lasts long enough for mail to expire."""
    planned = steps(10 * MINUTE)
    (began,) = [
        one.at
        for one, next_one in itertools.pairwise(planned)
        if one.act == "fault" and next_one.at - one.at == OUTAGE_SECONDS
    ]
    assert began < settled(10 * MINUTE) + OUTAGE_SECONDS
