"""The fire drill with a nearly exhausted quota: websites are rejected; about two minutes."""

from collections.abc import Iterator

import pytest

from tests.integration.alerts.drill import drill, notifications, small_quota
from tests.integration.alerts.faults import QUOTA_FAULTS, Fault
from tests.integration.stack import Stack


@pytest.fixture(scope="module")
def small_quota_stack(stack: Stack) -> Iterator[Stack]:
    """Return the stack with a quota of few recipients in a short window."""
    with small_quota(stack):
        yield stack


@pytest.mark.usefixtures("monitoring")
@pytest.mark.parametrize("fault", QUOTA_FAULTS, ids=lambda fault: fault.name)
def test_rejected_websites_are_notified(small_quota_stack: Stack, fault: Fault) -> None:
    """A notification has the numbers, the cause, the end and the next step; a second one follows at the end."""
    notification = drill(small_quota_stack, fault).notification
    assert (notification["name"], notification["severity"]) == (fault.alert, fault.severity)
    for word in fault.words:
        assert word in notification["description"]
    statuses = [one["status"] for one in notifications(small_quota_stack, fault.alert)]
    # A warning is sent again when another warning of its component ends.
    assert statuses == ["firing"] * (len(statuses) - 1) + ["resolved"]
    criticals = {one["name"] for one in notifications(small_quota_stack) if one["severity"] == "critical"}
    assert criticals == ({fault.alert} if fault.severity == "critical" else set())
