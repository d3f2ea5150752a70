"""What the services say of their variables."""

import pytest

from mail_check import configuration
from mail_check.finding import Status
from mail_check.host import Host
from mail_check.settings import Settings


def test_mail_server_is_content() -> None:
    """Its warnings are warnings, and nothing else it prints matters."""
    said = (
        "Hostname: mail.shop.org",
        "mail-server: warning: FORWARD_EMAIL: not set: mail is refused",
        "mail-server: the variables are valid",
    )
    found = list(configuration.mail_server(Host(server_status=0, server_said=said)))
    assert [Status.WARNING, Status.OK] == [one.status for one in found]
    assert found[0].message == "FORWARD_EMAIL: not set: mail is refused"


def test_mail_server_complains() -> None:
    """Each mistake is a failure."""
    said = (
        "mail-server: MAIL_DOMAIN: 'x' is not a domain",
        "mail-server: USE_TLS: neither yes nor no",
        "mail-server: not started, 2 to fix (mail-server --help)",
    )
    found = list(configuration.mail_server(Host(server_status=64, server_said=said)))
    assert [(Status.FAILED, "MAIL_DOMAIN: 'x' is not a domain"), (Status.FAILED, "USE_TLS: neither yes nor no")] == [
        (one.status, one.message) for one in found
    ]


def test_mail_server_fails_otherwise() -> None:
    """An end without a mistake is told with its last words."""
    (found,) = configuration.mail_server(Host(server_status=125, server_said=("no space left on device",)))
    assert (Status.FAILED, True) == (found.status, "ended with 125: no space left" in found.message)


@pytest.mark.parametrize("host", [None, Host()])
def test_mail_server_was_not_asked(host: Host | None) -> None:
    """Where its image could not be run, nothing is known."""
    (found,) = configuration.mail_server(host)
    assert found.status is Status.UNKNOWN


def test_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service's own settings say what is wrong."""

    class Strict(Settings):
        """Needs a number."""

        number: int = 1

    (found,) = configuration.service(Strict)
    assert found.status is Status.OK
    monkeypatch.setenv("NUMBER", "many")
    (found,) = configuration.service(Strict)
    assert (Status.FAILED, True) == (found.status, found.message.startswith("NUMBER: "))
