"""Values of shared variables: a value that the mail server accepts is accepted by every service."""

import os
import subprocess
from pathlib import Path
from typing import Final

import pytest
from pydantic_settings import BaseSettings

from mail_api.settings import Settings as ApiSettings
from mail_check.settings import CheckSettings, VariableUnusable, read_mail_settings
from mail_exporter.settings import Settings as ExporterSettings
from mail_telemetry.configuration import load

LIBRARY: Final = Path(__file__).resolve().parents[2] / "postfix/rootfs/usr/local/lib/mail-server"
SCRIPT: Final = (
    f"for part in settings validate networks; do source {LIBRARY}/$part.bash; done; read_variables; stop_if_mistaken"
)
CLASSES: Final[tuple[type[BaseSettings], ...]] = (ApiSettings, ExporterSettings, CheckSettings)
BASE: Final = {
    "MAIL_DOMAIN": "example.org",
    "SMTP_RELAY_HOST": "smtp.gmail.com",
    "SMTP_RELAY_USERNAME": "me@gmail.com",
    "SMTP_RELAY_PASSWORD": "abcd efgh ijkl mnop",
    "FORWARD_EMAIL": "me@example.com",
}

GOOD: Final = [
    ("MAIL_DOMAIN", "example.org"),
    ("MAIL_DOMAIN", "Mail.Example.ORG"),
    ("MAIL_DOMAIN", "  example.org \r"),
    ("MAIL_HOSTNAME", "mail.example.org"),
    ("MAIL_HOSTNAME", "MAIL.example.org"),
    ("DEFAULT_FROM", "hi@example.org"),
    ("DEFAULT_FROM", "Hello.There+web@Example.org"),
    ("DEFAULT_FROM", " hi@example.org "),
    ("FORWARD_EMAIL", "me@example.com"),
    ("FORWARD_EMAIL", "me@example.com,you@example.net"),
    ("FORWARD_EMAIL", "me@example.com, you@example.net,third@example.com"),
    ("FORWARD_EMAIL", "me@example.com you@example.net"),
    ("FORWARD_EMAIL", "me@example.com,"),
    ("FORWARD_EMAIL", ""),
    ("SMTP_RELAY_HOST", "SMTP.Gmail.com"),
    ("SMTP_RELAY_PORT", "465"),
    ("SMTP_RELAY_DAILY_LIMIT", "500"),
    ("SMTP_RELAY_DAILY_LIMIT", "1"),
    ("SMTP_RELAY_DAILY_LIMIT", " 2000 "),
    ("QUOTA_RESERVE", "0"),
    ("QUEUE_RUN_DELAY", "90"),
    ("QUEUE_RUN_DELAY", "300s"),
    ("QUEUE_RUN_DELAY", "5m"),
    ("MINIMAL_BACKOFF_TIME", "2m"),
    ("MAXIMAL_BACKOFF_TIME", "1h"),
    ("MAXIMAL_QUEUE_LIFETIME", "5d"),
    ("MAXIMAL_QUEUE_LIFETIME", "1w"),
    ("MAXIMAL_QUEUE_LIFETIME", "0"),
    ("TRUSTED_NETWORKS", "10.1.0.0/16,10.2.0.0/16"),
    ("USE_TLS", "TRUE"),
]
BAD: Final = [
    ("MAIL_DOMAIN", ""),
    ("MAIL_DOMAIN", "example"),
    ("MAIL_DOMAIN", "https://example.org"),
    ("DEFAULT_FROM", "hi"),
    ("DEFAULT_FROM", "a@b.org,c@d.org"),
    ("FORWARD_EMAIL", "me"),
    ("FORWARD_EMAIL", "me@example.com,you"),
    ("SMTP_RELAY_DAILY_LIMIT", "0"),
    ("SMTP_RELAY_DAILY_LIMIT", "many"),
    ("QUEUE_RUN_DELAY", "soon"),
    ("MINIMAL_BACKOFF_TIME", "-1"),
    ("MAXIMAL_BACKOFF_TIME", "1 hour"),
    ("MAXIMAL_QUEUE_LIFETIME", "5 days"),
]


def mail_server_errors(values: dict[str, str]) -> str:
    """Return the errors of the mail server's start-up check; an empty text if there are none."""
    done = subprocess.run(  # noqa: S603 - our own script
        ("bash", "-c", SCRIPT),  # noqa: S607 - whichever bash there is
        env={"PATH": os.environ["PATH"], **values},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode == 0) == (done.stderr == ""), done.stderr
    return done.stderr


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_accepted_by_all_services(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every service accepts a value that the mail server accepts."""
    values = BASE | {name: value}
    assert mail_server_errors(values) == ""
    for variable, text in values.items():
        monkeypatch.setenv(variable, text)
    for settings_class in CLASSES:
        load(settings_class)
    read_mail_settings(values, lambda path: path)


@pytest.mark.parametrize(("name", "value"), BAD)
def test_rejected_by_the_api(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API rejects a value that the mail server rejects, and both errors name the variable."""
    values = BASE | {name: value}
    assert f"mail-server: {name}: " in mail_server_errors(values)
    for variable, text in values.items():
        monkeypatch.setenv(variable, text)
    with pytest.raises(Exception, match=name):
        load(ApiSettings)


def test_lists_have_the_same_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """API and check parse several addresses of FORWARD_EMAIL alike."""
    values = BASE | {"FORWARD_EMAIL": "me@example.com, you@example.net,"}
    for variable, text in values.items():
        monkeypatch.setenv(variable, text)
    assert load(ApiSettings).forward_email == ("me@example.com", "you@example.net")
    assert read_mail_settings(values, lambda path: path).forward_to == ("me@example.com", "you@example.net")


def test_check_without_a_domain() -> None:
    """The error of the check names the missing variable."""
    with pytest.raises(VariableUnusable, match="MAIL_DOMAIN"):
        read_mail_settings({}, lambda path: path)


@pytest.mark.parametrize("settings_class", [ApiSettings, ExporterSettings])
def test_reserve_is_the_same_for_both(
    settings_class: type[ApiSettings | ExporterSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """API and exporter have the same reserve: a tenth of the limit by default, and never all of it."""
    for variable, text in (BASE | {"SMTP_RELAY_DAILY_LIMIT": "2000"}).items():
        monkeypatch.setenv(variable, text)
    assert load(settings_class).quota_reserve == 200
    monkeypatch.setenv("QUOTA_RESERVE", "2000")
    with pytest.raises(Exception, match="QUOTA_RESERVE: leaves nothing of SMTP_RELAY_DAILY_LIMIT"):
        load(settings_class)
