"""The fire drill with little room in the relay's limit: websites are refused; about two minutes."""

from collections.abc import Iterator

import pytest

from tests.integration.alerts.drill import drill, little_room, notifications
from tests.integration.alerts.faults import QUOTA_FAULTS, Fault
from tests.integration.stack import Stack


@pytest.fixture(scope="module")
def small_stack(stack: Stack) -> Iterator[Stack]:
    """The stack with room for few recipients in a short window."""
    with little_room(stack):
        yield stack


@pytest.mark.usefixtures("monitoring")
@pytest.mark.parametrize("fault", QUOTA_FAULTS, ids=lambda fault: fault.name)
def test_refused_websites_reach_a_person(small_stack: Stack, fault: Fault) -> None:
    """One notification says how many, why, until when and what to do; one comes when it is over, and not before."""
    notification = drill(small_stack, fault).notification
    assert (notification["name"], notification["severity"]) == (fault.alert, fault.severity)
    for word in fault.words:
        assert word in notification["description"]
    statuses = [one["status"] for one in notifications(small_stack, fault.alert)]
    # A warning is sent again when another one of its component ends.
    assert statuses == ["firing"] * (len(statuses) - 1) + ["resolved"]
    criticals = {one["name"] for one in notifications(small_stack) if one["severity"] == "critical"}
    assert criticals == ({fault.alert} if fault.severity == "critical" else set())
