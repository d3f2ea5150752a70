"""Direct delivery, and our own certificate."""

import time
from collections.abc import Callable

import pytest

from mail_check import certificate, direct
from mail_check.finding import Status
from mail_check.lookup import Dns
from tests.unit.check.conftest import DIRECT, stack_of
from tests.unit.check.test_ports import door

KnowZone = Callable[[str], Dns]
NOW = 1_800_000_000.0


def test_port_25_is_open(dns: KnowZone) -> None:
    """The mail server of FORWARD_EMAIL's domain can be reached; the warning names what a relay needs."""
    lookup = dns("elsewhere.org. MX 10 localhost.")
    with door(b"220 elsewhere.org ESMTP\r\n") as (_, port):
        found = direct.outward(stack_of(**DIRECT), lookup, 2, port)
    assert found.status is Status.WARNING
    assert "SMTP_RELAY_HOST" in found.fix


def test_port_25_is_closed(dns: KnowZone) -> None:
    """Where it can't be, mail can't leave, and a relay is the usual way."""
    found = direct.outward(stack_of(**DIRECT), dns("elsewhere.org. MX 10 localhost."), 2, 1)
    assert found.status is Status.FAILED
    assert "SMTP_RELAY_HOST" in found.fix


def test_nobody_to_try_it_with(dns: KnowZone) -> None:
    """Without FORWARD_EMAIL there is no domain to try."""
    assert direct.outward(stack_of(**DIRECT | {"FORWARD_EMAIL": ""}), dns(""), 1).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("days", "status", "words"),
    [
        (15, Status.OK, "valid until 2027-01-30"),
        (13.5, Status.WARNING, "ends in 13 days, on 2027-01-28"),
        (0, Status.FAILED, "ended on 2027-01-15"),
        (-100, Status.FAILED, "ended on 2026-10-07"),
    ],
)
def test_certificate(days: float, status: Status, words: str) -> None:
    """A certificate that ends within two weeks is a warning, as for the alert."""
    found = certificate.ends(NOW + days * 86_400, NOW, "renew it")
    assert (status, words) == (found.status, found.message), time.gmtime(NOW)
