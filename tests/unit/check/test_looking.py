"""From judging to looking."""

import pytest

from mail_check.finding import Status, Verdict, ok
from mail_check.host import Container, Host
from mail_check.looking import in_dns, of_service, one
from mail_check.lookup import LookupFailed

RUNS = Host({"mail-api": Container("running")})


def refused(*_: object) -> Verdict:
    """Meet a closed door."""
    raise ConnectionRefusedError(111, "Connection refused")


def test_one() -> None:
    """A judge may have one verdict or several."""
    assert [ok("1 2")] == list(one(lambda a, b: ok(f"{a} {b}"), 1, 2)())
    assert [ok("1"), ok("2")] == list(one(lambda: [ok("1"), ok("2")])())


def test_of_a_service() -> None:
    """What runs has to answer; what does not run is not asked; where nobody knows, nobody judges."""
    (found,) = of_service("mail-api", RUNS, refused, 1)()
    assert (Status.FAILED, "mail-api runs and does not answer: Connection refused") == (found.status, found.message)
    (found,) = of_service("mail-api", Host(), refused)()
    assert (Status.UNKNOWN, "mail-api does not run") == (found.status, found.message)
    with pytest.raises(ConnectionRefusedError):
        list(of_service("mail-api", None, refused)())
    assert [ok("fine")] == list(of_service("mail-api", RUNS, ok, "fine")())


def test_in_dns() -> None:
    """A question without an answer could not be looked up, and says how to look further."""

    def unanswered(_: object) -> Verdict:
        raise LookupFailed("shop.org", "SERVFAIL")

    (found,) = in_dns(Host(nameservers=("192.0.2.53",)), unanswered)()
    assert (Status.UNKNOWN, "could not look up shop.org in DNS: SERVFAIL") == (found.status, found.message)
    assert "from containers" in found.fix
