"""Many looks at once, in bounded time."""

import threading
import time
from collections.abc import Iterator

from mail_check.finding import Area, Finding, Status, Verdict, failed, ok
from mail_check.look import Look, run


def test_order_and_place() -> None:
    """Findings come in the order of the looks, each in its place, and a verdict's own name goes before the look's."""
    looks = [
        Look(Area.DNS, "MX", lambda: [ok("one"), failed("two\nlines", "mend", name="other")]),
        Look(Area.RELAY, "login", lambda: [ok("three")]),
    ]
    assert [
        Finding(Area.DNS, "MX", Status.OK, "one", ""),
        Finding(Area.DNS, "other", Status.FAILED, "two lines", "mend"),
        Finding(Area.RELAY, "login", Status.OK, "three", ""),
    ] == list(run(looks, 5))


def test_what_goes_wrong_is_unknown() -> None:
    """A look that raises could not be looked at; what it had found until then stays."""

    def looking() -> Iterator[Verdict]:
        yield ok("so far")
        raise ConnectionRefusedError(111, "Connection refused")

    found = list(run([Look(Area.PORTS, "25", looking)], 5))
    assert [(Status.OK, "so far"), (Status.UNKNOWN, "Connection refused")] == [
        (one.status, one.message) for one in found
    ]


def test_all_at_once_and_no_longer_than_told() -> None:
    """Looks that never end cost no more than the bound, all together, and the others are told."""
    never = threading.Event()

    def waiting() -> Iterator[Verdict]:
        yield ok("began")
        never.wait()

    looks = [
        *(Look(Area.DNS, str(number), waiting) for number in range(5)),
        Look(Area.DNS, "quick", lambda: [ok("done")]),
    ]
    began = time.monotonic()
    found = list(run(looks, 0.3))
    assert time.monotonic() - began < 1
    assert [Status.OK, Status.UNKNOWN] * 5 + [Status.OK] == [one.status for one in found]
    assert "no answer within 0.3 s" in found[1].message
    never.set()
