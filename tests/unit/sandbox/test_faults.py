"""Faults built from requests."""

from typing import Any

import pytest

from mail_sandbox.faults import (
    KINDS,
    BadCertificate,
    Fault,
    FaultName,
    FaultRejectedError,
    SessionStage,
    build,
)


def test_every_fault_has_a_kind() -> None:
    """The table has every fault."""
    assert set(KINDS) == set(FaultName)


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("wrong_password", {}, Fault(FaultName.WRONG_PASSWORD, SessionStage.AUTH)),
        ("wrong_password", {"count": 2}, Fault(FaultName.WRONG_PASSWORD, SessionStage.AUTH, count=2)),
        ("limit_reached", {"at": "mail"}, Fault(FaultName.LIMIT_REACHED, SessionStage.MAIL)),
        ("slow", {"seconds": 2.5, "at": "banner"}, Fault(FaultName.SLOW, SessionStage.BANNER, seconds=2.5)),
        (
            "bad_certificate",
            {},
            Fault(FaultName.BAD_CERTIFICATE, SessionStage.STARTTLS, kind=BadCertificate.SELF_SIGNED),
        ),
        (
            "bad_certificate",
            {"kind": "expired"},
            Fault(FaultName.BAD_CERTIFICATE, SessionStage.STARTTLS, kind=BadCertificate.EXPIRED),
        ),
    ],
    ids=["plain", "counted", "at another stage", "slow", "default kind", "given kind"],
)
def test_faults_are_built(name: str, parameters: dict[str, Any], expected: Fault) -> None:
    """Missing parameters have the fault's defaults."""
    assert expected == build(name, parameters)


@pytest.mark.parametrize(
    ("name", "parameters", "problem"),
    [
        ("rain", {}, "no fault is called 'rain'; there are refuse_connection, try_again_later"),
        ("content", {"seconds": 1}, "content takes count, not 'seconds'"),
        ("slow", {}, "slow needs seconds"),
        ("slow", {"seconds": 601}, "at most 600"),
        ("slow", {"seconds": 0}, "above 0"),
        ("greylist", {"count": 0}, "count must be 1 or more"),
        ("bad_certificate", {"kind": "torn"}, "kind must be one of self_signed, expired, wrong_name"),
        ("custom_reply", {}, "custom_reply needs text"),
        ("custom_reply", {"text": "250 OK"}, "custom_reply needs text"),
        ("sender_not_owned", {}, "sender_not_owned needs sender"),
        ("limit_reached", {"at": "rcpt"}, "limit_reached can happen at end, mail, not 'rcpt'"),
    ],
    ids=[
        "name",
        "parameter",
        "no seconds",
        "too long",
        "no time",
        "count",
        "kind",
        "no text",
        "success",
        "no sender",
        "stage",
    ],
)
def test_invalid_faults(name: str, parameters: dict[str, Any], problem: str) -> None:
    """The error for an invalid request lists the possible values."""
    with pytest.raises(FaultRejectedError, match=problem):
        build(name, parameters)
