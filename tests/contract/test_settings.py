"""Values of shared variables: a value that the mail server accepts is accepted by every service."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from pydantic_settings import BaseSettings

from mail_api.addresses import Mailbox
from mail_api.settings import Settings as ApiSettings
from mail_check.app_password import COPIED
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
    ("DEFAULT_FROM", "Website <noreply@example.org>"),
    ("DEFAULT_FROM", '"Shop, Inc." <noreply@example.org>'),
    ("DEFAULT_FROM", "Müller, Anna <noreply@example.org>"),
    ("DEFAULT_FROM", "<noreply@example.org>"),
    ("FORWARD_EMAIL", "me@example.com"),
    ("FORWARD_EMAIL", "me@example.com,you@example.net"),
    ("FORWARD_EMAIL", "me@example.com, you@example.net,third@example.com"),
    ("FORWARD_EMAIL", "me@example.com you@example.net"),
    ("FORWARD_EMAIL", "me@example.com,"),
    ("FORWARD_EMAIL", ""),
    ("SMTP_RELAY_HOST", "SMTP.Gmail.com"),
    ("SMTP_RELAY_PORT", "465"),
    ("SMTP_RELAY_PORT", "2465"),
    ("SMTP_RELAY_TLS", "STARTTLS"),
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
    ("INET_PROTOCOLS", "IPv4"),
    ("USE_TLS", "TRUE"),
]
BAD: Final = [
    ("MAIL_DOMAIN", ""),
    ("MAIL_DOMAIN", "example"),
    ("MAIL_DOMAIN", "https://example.org"),
    ("MAIL_DOMAIN", "müller.example"),
    ("DEFAULT_FROM", "hi"),
    ("DEFAULT_FROM", "a@b.org,c@d.org"),
    ("DEFAULT_FROM", "Website <noreply>"),
    ("DEFAULT_FROM", "Website <a@b.org> x"),
    ("DEFAULT_FROM", "A <a@b.org>, B <c@d.org>"),
    ("DEFAULT_FROM", "x@y.org <a@b.org>"),
    ("DEFAULT_FROM", "Website (new) <a@b.org>"),
    ("DEFAULT_FROM", "Website <hi@müller.example>"),
    ("DEFAULT_FROM", "hi@müller.example"),
    ("FORWARD_EMAIL", "me@müller.example"),
    ("FORWARD_EMAIL", "me"),
    ("FORWARD_EMAIL", "me@example.com,you"),
    ("SMTP_RELAY_DAILY_LIMIT", "0"),
    ("SMTP_RELAY_DAILY_LIMIT", "many"),
    ("QUEUE_RUN_DELAY", "soon"),
    ("MINIMAL_BACKOFF_TIME", "-1"),
    ("MAXIMAL_BACKOFF_TIME", "1 hour"),
    ("MAXIMAL_QUEUE_LIFETIME", "5 days"),
]


def run_script(values: dict[str, str], script: str) -> subprocess.CompletedProcess[str]:
    """Run a script with these variables."""
    return subprocess.run(  # noqa: S603 - our own script
        ("bash", "-c", script),  # noqa: S607 - whichever bash there is
        env={"PATH": os.environ["PATH"], **values},
        check=False,
        capture_output=True,
        text=True,
    )


def mail_server_errors(values: dict[str, str]) -> str:
    """Return the errors of the mail server's start-up check; an empty text if there are none."""
    done = run_script(values, SCRIPT)
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


def test_sender_with_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API writes the name of DEFAULT_FROM; server and check use its address."""
    values = BASE | {"DEFAULT_FROM": "Website <noreply@example.org>"}
    for variable, text in values.items():
        monkeypatch.setenv(variable, text)
    assert load(ApiSettings).sender == Mailbox("noreply@example.org", "Website")
    assert read_mail_settings(values, lambda path: path).default_from == "noreply@example.org"
    shown = f'{SCRIPT}; printf %s "$DEFAULT_FROM"'
    assert run_script(values, shown).stdout == "noreply@example.org"


def test_no_domain_for_the_check() -> None:
    """The check says which variable it misses."""
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


APP_PASSWORDS: Final = [
    pytest.param("abcdefghijklmnop", id="16 letters"),
    pytest.param("abcd efgh ijkl mnop", id="groups"),
    pytest.param("abcd  efgh   ijkl mnop", id="several blanks"),
    pytest.param("abcd\u00a0efgh\u00a0ijkl\u00a0mnop", id="no-break spaces"),
    pytest.param("abcd \u00a0efgh\u202fijkl\u2009mnop\u00a0", id="mixed spaces"),
    pytest.param("\u201cabcdefghijklmnop\u201d", id="typographic quotes"),
    pytest.param("\u201eabcd efgh ijkl mnop\u201c", id="German quotes"),
    pytest.param(" \u2018abcd\u00a0efgh ijkl mnop\u2019\r", id="single quotes"),
    pytest.param("\ufeffabcd efgh ijkl mnop\r\n", id="byte order mark"),
    pytest.param("abcd\u200befgh\u200bijkl\u200bmnop", id="zero-width spaces"),
]
OTHER_PASSWORDS: Final = [
    pytest.param("pass word", "pass word", id="blank"),
    pytest.param("abcdefgh ijklmnop", "abcdefgh ijklmnop", id="two groups"),
    pytest.param(" s3cret\t", "s3cret", id="blanks around"),
    pytest.param("pässwörd!", "pässwörd!", id="umlauts"),
]
COPIED_PASSWORDS: Final = [
    pytest.param("pass\u00a0word", "a no-break space (U+00A0)", id="no-break space"),
    pytest.param("\u201cpassword\u201d", "a left double quotation mark (U+201C)", id="typographic quotes"),
    pytest.param("s3cret\u200b", "a zero-width space (U+200B)", id="zero-width space"),
    pytest.param("s3\ufeffcret", "a byte order mark (U+FEFF)", id="byte order mark"),
]
PRINT_PASSWORD: Final = '; printf %s "$SMTP_RELAY_PASSWORD"'


@pytest.fixture(params=["variable", "file"])
def relay_password(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Return the function that returns variables with a password: itself, or the file that holds it."""

    def give(password: str) -> dict[str, str]:
        if request.param == "variable":
            return BASE | {"SMTP_RELAY_PASSWORD": password}
        file = tmp_path / "password"
        file.write_bytes(password.encode())
        return BASE | {"SMTP_RELAY_PASSWORD": "", "SMTP_RELAY_PASSWORD_FILE": str(file)}

    return give


def server_password(values: dict[str, str]) -> str:
    """Return the password as the mail server uses it."""
    command = ("bash", "-c", SCRIPT + PRINT_PASSWORD)
    done = subprocess.run(  # noqa: S603 - our own script
        command, env={"PATH": os.environ["PATH"], **values}, check=True, capture_output=True
    )
    return done.stdout.decode()


def check_password(values: dict[str, str]) -> str:
    """Return the password as `make check` uses it."""
    relay = read_mail_settings(values, lambda path: Path(path).read_text("utf-8")).relay
    assert relay is not None
    return relay.password.reveal()


@pytest.mark.parametrize("password", APP_PASSWORDS)
def test_copied_app_password_is_joined(password: str, relay_password: Callable[[str], dict[str, str]]) -> None:
    """Field cases e02 and e03: an app password works however it was copied, for the mail server and the check."""
    values = relay_password(password)
    assert "abcdefghijklmnop" == server_password(values) == check_password(values)


@pytest.mark.parametrize(("password", "expected"), OTHER_PASSWORDS)
def test_other_password_is_unchanged(
    password: str, expected: str, relay_password: Callable[[str], dict[str, str]]
) -> None:
    """A password of another form keeps its blanks and letters."""
    values = relay_password(password)
    assert expected == server_password(values) == check_password(values)


@pytest.mark.parametrize(("password", "character"), COPIED_PASSWORDS)
def test_error_names_the_character(
    password: str, character: str, relay_password: Callable[[str], dict[str, str]]
) -> None:
    """What cannot be an app password is rejected by both, with the character that cannot be seen, not the value."""
    values = relay_password(password)
    line = f"SMTP_RELAY_PASSWORD: holds {character}, which pages and word processors add: type the value by hand"
    said = mail_server_errors(values)
    assert f"mail-server: {line}\n" in said
    assert password not in said
    with pytest.raises(VariableUnusable) as raised:
        check_password(values)
    assert line == str(raised.value)


@pytest.mark.parametrize("name", COPIED.values())
def test_both_know_the_same_characters(name: str) -> None:
    """Each character that the check knows is in the mail server's list."""
    assert f"|{name}'" in (LIBRARY / "settings.bash").read_text()
