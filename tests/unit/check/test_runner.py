"""Running checks in parallel, within a time limit."""

import threading
import time
from collections.abc import Iterator

import pytest

from mail_check.dns_resolver import DnsLookupFailed
from mail_check.host_facts import ContainerState, HostFacts
from mail_check.results import Area, CheckFinding, CheckStatus, Result, failed, ok
from mail_check.runner import Check, bind, dns_check, run, service_check


def test_order_and_names() -> None:
    """Findings keep the order of the checks; a result's own name replaces that of the check."""
    checks = [
        Check(Area.DNS, "MX", lambda: [ok("one"), failed("two\nlines", "mend", name="other")]),
        Check(Area.RELAY, "login", lambda: [ok("three")]),
    ]
    assert [
        CheckFinding(Area.DNS, "MX", CheckStatus.OK, "one", ""),
        CheckFinding(Area.DNS, "other", CheckStatus.FAILED, "two lines", "mend"),
        CheckFinding(Area.RELAY, "login", CheckStatus.OK, "three", ""),
    ] == list(run(checks, 5))


def test_exception() -> None:
    """An exception yields `unknown`, and the results before it are kept."""

    def check() -> Iterator[Result]:
        yield ok("so far")
        raise ConnectionRefusedError(111, "Connection refused")

    found = list(run([Check(Area.PORTS, "25", check)], 5))
    assert [(CheckStatus.OK, "so far"), (CheckStatus.UNKNOWN, "Connection refused")] == [
        (one.status, one.message) for one in found
    ]


def test_time_limit() -> None:
    """Checks that hang take no longer than the limit, all together, and the others have their results."""
    never = threading.Event()

    def waiting() -> Iterator[Result]:
        yield ok("began")
        never.wait()

    checks = [
        *(Check(Area.DNS, str(number), waiting) for number in range(5)),
        Check(Area.DNS, "quick", lambda: [ok("done")]),
    ]
    began = time.monotonic()
    found = list(run(checks, 0.3))
    assert time.monotonic() - began < 1
    assert [CheckStatus.OK, CheckStatus.UNKNOWN] * 5 + [CheckStatus.OK] == [one.status for one in found]
    assert "no answer within 0.3 s" in found[1].message
    never.set()


RUNS = HostFacts({"mail-api": ContainerState("running")})


def refused(*_: object) -> Result:
    """Raise as a closed port does."""
    raise ConnectionRefusedError(111, "Connection refused")


def test_bind() -> None:
    """A function may return one result or several."""
    assert [ok("1 2")] == list(bind(lambda a, b: ok(f"{a} {b}"), 1, 2)())
    assert [ok("1"), ok("2")] == list(bind(lambda: [ok("1"), ok("2")])())


def test_service_check() -> None:
    """No answer fails while the service runs; a stopped one is unknown; without host facts the error is raised."""
    (found,) = service_check("mail-api", RUNS, refused, 1)()
    assert (CheckStatus.FAILED, "mail-api runs and does not answer: Connection refused") == (
        found.status,
        found.message,
    )
    (found,) = service_check("mail-api", HostFacts(), refused)()
    assert (CheckStatus.UNKNOWN, "mail-api does not run") == (found.status, found.message)
    with pytest.raises(ConnectionRefusedError):
        list(service_check("mail-api", None, refused)())
    assert [ok("fine")] == list(service_check("mail-api", RUNS, ok, "fine")())


def test_dns_check() -> None:
    """A failed lookup is unknown, with a command to diagnose it."""

    def unanswered(_: object) -> Result:
        raise DnsLookupFailed("shop.org", "SERVFAIL")

    (found,) = dns_check(HostFacts(nameservers=("192.0.2.53",)), unanswered)()
    assert (CheckStatus.UNKNOWN, "could not look up shop.org in DNS: SERVFAIL") == (found.status, found.message)
    assert "from containers" in found.fix
