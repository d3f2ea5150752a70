"""Checks of the services' variables."""

from pathlib import Path

import pytest

from mail_check.checks import variables
from mail_check.host_facts import HostFacts
from mail_check.results import CheckStatus
from mail_check.settings import CheckSettings


def test_mail_server_warnings() -> None:
    """Warnings of the mail server are warnings, and its other lines are ignored."""
    said = (
        "Hostname: mail.shop.org",
        "mail-server: warning: FORWARD_EMAIL: not set: mail is refused",
        "mail-server: the variables are valid",
    )
    found = list(variables.check_mail_server(HostFacts(server_status=0, server_output=said)))
    assert [CheckStatus.WARNING, CheckStatus.OK] == [one.status for one in found]
    assert found[0].message == "FORWARD_EMAIL: not set: mail is refused"


def test_mail_server_errors() -> None:
    """Each error of the mail server is a failure."""
    said = (
        "mail-server: MAIL_DOMAIN: 'x' is not a domain",
        "mail-server: USE_TLS: neither yes nor no",
        "mail-server: not started, 2 to fix (mail-server --help)",
    )
    found = list(variables.check_mail_server(HostFacts(server_status=64, server_output=said)))
    assert [
        (CheckStatus.FAILED, "MAIL_DOMAIN: 'x' is not a domain"),
        (CheckStatus.FAILED, "USE_TLS: neither yes nor no"),
    ] == [(one.status, one.message) for one in found]


def test_mail_server_check_fails() -> None:
    """An exit status without an error line is a failure with the last lines."""
    (found,) = variables.check_mail_server(HostFacts(server_status=125, server_output=("no space left on device",)))
    assert (CheckStatus.FAILED, True) == (found.status, "ended with 125: no space left" in found.message)


@pytest.mark.parametrize("facts", [None, HostFacts()])
def test_mail_server_check_not_run(facts: HostFacts | None) -> None:
    """Without its output the result is unknown."""
    (found,) = variables.check_mail_server(facts)
    assert found.status is CheckStatus.UNKNOWN


def test_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """The validation errors of a service's settings are failures."""

    class Strict(CheckSettings):
        """Has a number."""

        number: int = 1

    (found,) = variables.check_service(Strict)
    assert found.status is CheckStatus.OK
    monkeypatch.setenv("NUMBER", "many")
    (found,) = variables.check_service(Strict)
    assert (CheckStatus.FAILED, True) == (found.status, found.message.startswith("NUMBER: "))


@pytest.mark.parametrize(
    ("files", "status", "message"),
    [
        ({}, CheckStatus.OK, "no form files"),
        (
            {"contact.toml": 'to = "a@shop.org"', "jobs.toml": 'to = "b@shop.org"'},
            CheckStatus.OK,
            "2 form files: contact, jobs",
        ),
        ({"contact.toml": "to = 1"}, CheckStatus.FAILED, "forms/contact.toml: to.0: must be a string"),
    ],
    ids=["none", "good", "broken"],
)
def test_forms(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: dict[str, str], status: CheckStatus, message: str
) -> None:
    """Form files are checked by the API's own loader."""
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("MAIL_DOMAIN", "shop.org")
    monkeypatch.setenv("FORMS_PATH", str(tmp_path))
    (found,) = variables.check_forms()
    assert (found.status, found.message.startswith(message)) == (status, True)


def test_forms_with_unusable_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Form files cannot be checked while the API's variables are wrong."""
    monkeypatch.delenv("MAIL_DOMAIN", raising=False)
    (found,) = variables.check_forms()
    assert found.status is CheckStatus.UNKNOWN


def test_dollar_that_compose_removed() -> None:
    """Field case e04: a value that is shorter in the container than in the file is a failure without the value."""
    facts = HostFacts(dollars={"SMTP_RELAY_PASSWORD": 16, "TURNSTILE_SECRET": 3, "OTHER": 9})
    found = list(variables.check_dollars(facts, {"SMTP_RELAY_PASSWORD": "ArDDl49@6*rf#1", "TURNSTILE_SECRET": "a$b"}))
    assert [CheckStatus.FAILED] == [one.status for one in found]
    assert found[0].message.startswith("SMTP_RELAY_PASSWORD: has 16 bytes in the file, and 14 in the container")
    assert "$$" in found[0].fix
    assert "ArDD" not in f"{found}"


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        pytest.param(HostFacts(), CheckStatus.OK, id="no dollar"),
        pytest.param(HostFacts(dollars={"A": 3}), CheckStatus.OK, id="nothing lost"),
        pytest.param(None, CheckStatus.UNKNOWN, id="in the container"),
    ],
)
def test_no_dollar_was_removed(facts: HostFacts | None, status: CheckStatus) -> None:
    """A value of the same length lost nothing; without the host's facts the result is unknown."""
    (found,) = variables.check_dollars(facts, {"A": "a$b"})
    assert found.status is status
