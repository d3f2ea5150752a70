"""Settings from the environment."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from mail_sandbox.settings import Settings, problems
from mail_sandbox.state import Account, masked


def test_defaults() -> None:
    """Without variables the sandbox has the defaults of its container."""
    settings = Settings()
    assert (settings.submission_port, settings.smtps_port, settings.http_port) == (587, 465, 8080)
    assert (settings.otlp_port, settings.otlp_grpc_port) == (4318, 4317)
    assert settings.hostnames == ("sandbox-relay", "smtp.gmail.com", "localhost")
    assert settings.ca_file == Path("/certs/ca.pem")


def test_names_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are separated by commas, and blanks around them are ignored."""
    monkeypatch.setenv("SANDBOX_HOSTNAMES", "a.example, b.example,")
    assert Settings().hostnames == ("a.example", "b.example")


@pytest.mark.parametrize(
    ("variable", "value", "problem", "fix"),
    [
        (
            "SANDBOX_DAILY_LIMIT",
            "many",
            "Input should be a valid integer, unable to parse string as an integer",
            "recipients per window, a whole number like 500",
        ),
        (
            "SANDBOX_HOSTNAMES",
            ",",
            "Tuple should have at least 1 item after validation, not 0",
            "the certificate's names, separated by commas",
        ),
        (
            "SANDBOX_PASSWORD",
            "",
            "String should have at least 1 character",
            "the app password, with or without its spaces",
        ),
    ],
    ids=["number", "list", "empty"],
)
def test_invalid_variable(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, problem: str, fix: str) -> None:
    """Each invalid variable is one line with its name and the fix."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert problems(caught.value) == [f"{variable}: {problem}; set it to {fix}"]


def test_every_setting_has_a_description() -> None:
    """Every setting has a description, which is part of error messages."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("address", "expected"),
    [("anna@example.com", "a***@example.com"), ("@example.com", "***@example.com"), ("", "***"), ("root", "***")],
    ids=["address", "no local part", "empty", "no domain"],
)
def test_addresses_are_masked(address: str, expected: str) -> None:
    """A masked address has the domain and one letter."""
    assert expected == masked(address)


def test_an_account_with_blanks_in_its_password() -> None:
    """An app password is accepted with and without blanks, whether it was set with or without them."""
    account = Account("me@x", "ab cd")
    assert account.admits(b"ME@x", b"abcd")
    assert account.admits(b"me@x", b"a bcd")
    assert not account.admits(b"me@x", b"abce")
