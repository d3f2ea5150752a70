"""The rolling quota: snapshot, estimate and admission."""

import pytest

from mail_ledger.quota import Admitted, Delivery, NoRoom, Quota, Shortage, admit, snapshot
from mail_telemetry.names import Entry
from tests.unit.ledger.fakes import DAY, HOUR, NOW


def quota(*ages: float, limit: int = 4, in_queue: int = 0, refused: float | None = None, window: float = DAY) -> Quota:
    """Return the quota after deliveries of these ages; `refused` is the age of a "limit exceeded" reply."""
    return snapshot(
        now=NOW,
        limit=limit,
        window=window,
        deliveries=[Delivery(NOW - age, "api", forwarded=False) for age in sorted(ages, reverse=True)],
        in_queue=in_queue,
        refused_at=None if refused is None else NOW - refused,
    )


def test_empty() -> None:
    """Before the first mail the whole limit remains, and there is no next release."""
    found = quota()
    assert (0, 4, None, False) == (found.used, found.remaining, found.next_release, found.exhausted)
    assert set(Entry) == set(found.used_by_entry)


def test_window_rolls() -> None:
    """A recipient older than the window does not count; the oldest that counts is the next release."""
    found = quota(DAY, DAY - 1, 5)
    assert (2, 2, NOW + 1) == (found.used, found.remaining, found.next_release)


def test_clock_set_back() -> None:
    """Recipients of the hour that comes again count as used: the relay has them in its own window."""
    found = quota(-HOUR, -1, 5)
    assert (3, 1, NOW - 5 + DAY) == (found.used, found.remaining, found.next_release)


def test_window_can_be_shortened() -> None:
    """The window can be shortened for a demo."""
    found = quota(61, 59, window=60)
    assert (1, NOW + 1) == (found.used, found.next_release)


def test_use_by_entry() -> None:
    """Use is counted by entry, and by forwarding."""
    deliveries = [
        Delivery(NOW - 3, "public", forwarded=True),
        Delivery(NOW - 2, "api", forwarded=False),
        Delivery(NOW - 1, "api", forwarded=False),
    ]
    found = snapshot(now=NOW, limit=9, window=DAY, deliveries=deliveries, in_queue=0, refused_at=None)
    used = {entry: count for entry, count in found.used_by_entry.items() if count}
    assert used == {Entry.API: 2, Entry.PUBLIC: 1}
    assert (1, 3) == (found.forwarded, sum(use.recipients for use in found.uses))


@pytest.mark.parametrize(
    ("ages", "until"),
    [
        pytest.param((4, 3, 2), None, id="below"),
        pytest.param((4, 3, 2, 1), NOW + DAY - 4, id="at the limit, free when the oldest leaves"),
        pytest.param((5, 4, 3, 2, 1), NOW + DAY - 4, id="above the limit, free when the second oldest leaves"),
    ],
)
def test_exhausted_by_count(ages: tuple[float, ...], until: float | None) -> None:
    """At the limit the quota is exhausted until enough recipients have left the window."""
    found = quota(*ages)
    assert (until, until is not None) == (found.exhausted_until, found.exhausted)


@pytest.mark.parametrize(
    ("ages", "refused", "until"),
    [
        pytest.param((7200,), 60, NOW + HOUR - 60, id="an hour after the refusal"),
        pytest.param((DAY - 30,), 60, NOW + 30, id="until the oldest leaves, if sooner"),
        pytest.param((DAY + 30, 7200), 60, None, id="over, one has left since"),
        pytest.param((DAY + 90, 7200), 60, NOW + HOUR - 60, id="one that left before the refusal"),
        pytest.param((7200,), HOUR, None, id="over, no attempt for an hour"),
        pytest.param((), 60, NOW + HOUR - 60, id="all used outside of this server"),
    ],
)
def test_relay_reply_overrides_the_count(ages: tuple[float, ...], refused: float, until: float | None) -> None:
    """A "limit exceeded" reply overrides the count, for a limited time."""
    found = quota(*ages, refused=refused)
    assert until == found.exhausted_until
    assert found.remaining == (0 if until else 4 - found.used)


def test_both_have_to_end() -> None:
    """The quota is exhausted until both the count and the relay's reply have ended."""
    assert quota(4, 3, 2, 1, refused=60).exhausted_until == NOW + DAY - 4
    assert quota(DAY - 5, DAY - 4, DAY - 3, 1, limit=3, refused=60).exhausted_until == NOW + 4


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(quota(), None, id="nothing sent"),
        pytest.param(quota(2 * HOUR, 3 * HOUR), None, id="nothing recently"),
        pytest.param(quota(1, 2, 3, 4), NOW, id="exhausted"),
        pytest.param(quota(10, 20, limit=10), NOW + 4 * HOUR, id="two per hour, eight left"),
        pytest.param(quota(10, 20, limit=10, in_queue=4), NOW + 2 * HOUR, id="four of them in the queue"),
        pytest.param(quota(10, 20, limit=10, in_queue=9), NOW, id="more in the queue than left"),
        pytest.param(quota(10, limit=100), None, id="never at this rate"),
        pytest.param(quota(10, 20, DAY - HOUR, limit=10), NOW + 4 * HOUR, id="an old one leaves in the meantime"),
    ],
)
def test_estimated_exhaustion(found: Quota, expected: float | None) -> None:
    """The time of exhaustion follows from the last hour's rate and the releases of the window."""
    assert found.estimated_exhaustion == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("found", "recipients", "reserve", "important", "expected"),
    [
        pytest.param(quota(3, 2), 2, 0, False, Admitted(), id="fits"),
        pytest.param(quota(3, 2), 3, 0, False, NoRoom(NOW + DAY - 3, Shortage.LIMIT), id="one too many"),
        pytest.param(quota(3, 2), 4, 0, False, NoRoom(NOW + DAY - 2, Shortage.LIMIT), id="two too many"),
        pytest.param(quota(3, 2), 2, 1, False, NoRoom(NOW + DAY - 3, Shortage.RESERVE), id="reserve is kept"),
        pytest.param(quota(3, 2), 2, 1, True, Admitted(), id="important uses the reserve"),
        pytest.param(quota(3, 2, in_queue=1), 2, 0, False, NoRoom(NOW + DAY - 3, Shortage.LIMIT), id="queue counts"),
        pytest.param(quota(3, in_queue=3), 2, 0, False, NoRoom(NOW + DAY, Shortage.LIMIT), id="after the queue"),
        pytest.param(quota(), 5, 0, True, NoRoom(None, Shortage.TOO_MANY), id="more than the limit"),
        pytest.param(
            quota(), 4, 1, False, NoRoom(None, Shortage.RESERVE), id="more than the limit without the reserve"
        ),
        pytest.param(quota(9, refused=0), 1, 0, True, NoRoom(NOW + HOUR, Shortage.RELAY), id="relay's reply"),
        pytest.param(quota(1, 2, 3, 4), 1, 0, True, NoRoom(NOW + DAY - 4, Shortage.LIMIT), id="reserve used up"),
    ],
)
def test_admission(
    found: Quota,
    recipients: int,
    reserve: int,
    important: bool,  # noqa: FBT001 - a column of the table
    expected: Admitted | NoRoom,
) -> None:
    """A mail that fits is admitted; otherwise the result has the time when it fits."""
    assert expected == admit(found, recipients=recipients, reserve=reserve, important=important)


def test_every_shortage_has_a_text() -> None:
    """Every shortage has its own text."""
    assert len({NoRoom(None, shortage).why for shortage in Shortage}) == len(Shortage)
