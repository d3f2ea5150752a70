"""Whether Gmail leaves From as it is."""

import pytest

from mail_check.finding import Status
from mail_check.sender import rewrites, sender


@pytest.mark.parametrize(
    ("default_from", "rewriting", "status"),
    [
        ("Shop@gmail.com", True, Status.OK),
        ("hi@shop.org", True, Status.WARNING),
        ("hi@shop.org", False, Status.OK),
    ],
)
def test_sender(default_from: str, rewriting: bool, status: Status) -> None:  # noqa: FBT001 - the table's column
    """At Gmail DEFAULT_FROM has to be the account; no address is shown whole."""
    found = sender(default_from, "shop@gmail.com", rewrites=rewriting)
    assert status == found.status
    assert "hi@" not in found.message


@pytest.mark.parametrize(
    ("host", "said", "expected"),
    [
        ("smtp.gmail.com", "", True),
        ("smtp-relay.gmail.com", "2.7.0 Accepted - gsmtp", False),
        ("smtp.notgmail.com", "", False),
        ("mail.google.com.evil.org", "", False),
        ("sandbox-relay", "2.7.0 Accepted - gsmtp", True),
    ],
)
def test_rewrites(host: str, said: str, expected: bool) -> None:  # noqa: FBT001 - the table's column
    """Gmail is told by the end of its name, or by its signature."""
    assert expected == rewrites(host, said)
