"""The original description of the mail services: its variables, commands and links work, or the docs explain how."""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from mail_api.errors import RecipientNotAllowed
from mail_api.settings import Settings
from mail_telemetry.configuration import load
from tests.contract.test_settings import SCRIPT
from tests.documents import ROOT, anchors

ESSENTIAL: Final = {
    "MAIL_DOMAIN": "shop.example",
    "MAIL_HOSTNAME": "mail.shop.example",
    "MAIL_USER": "admin",
    "MAIL_PASSWORD": "correct-horse-battery-staple",
    "DEFAULT_FROM": "hi@shop.example",
    "FORWARD_EMAIL": "me@inbox.example",
}
"""The variables that the description asks to edit."""
RELAY: Final = (
    "SMTP_RELAY_HOST=smtp.gmail.com",
    "SMTP_RELAY_PORT=587",
    "SMTP_RELAY_USERNAME=your-gmail-address@gmail.com",
    "SMTP_RELAY_PASSWORD=your-16-character-app-password",
    "USE_TLS=yes",
    "TLS_VERIFY=yes",
)
"""The lines that the description adds for the relay."""
LINKS: Final = (
    "Troubleshooting#mail-services",
    "API-Reference#mail-api",
    "Environment-Variables#mail-service-variables",
    "Local-Development#mail-services-development",
)
COMMANDS: Final = {
    "cp services/.env.mail services/.env.mail.prod": "docs/getting-started.md",
    "nano services/.env.mail.prod": "docs/getting-started.md",
    "docker-compose -f services/docker-compose.mail.prod.yml --env-file services/.env.mail.prod up -d": (
        "docs/getting-started.md"
    ),
    "nano /path/to/dinky-server/services/.env.mail.prod": "docs/getting-started.md",
    "docker-compose -f services/docker-compose.mail.prod.yml --env-file services/.env.mail.prod down": (
        "docs/getting-started.md"
    ),
    "docker logs mail-server": "docs/troubleshooting.md",
    'docker exec mail-server echo "This is a test" | mail -s "Test Email" your-test-email@example.com': (
        "docs/troubleshooting.md"
    ),
    "telnet mail.yourdomain.com 25": "docs/troubleshooting.md",
    "docker exec mail-server postconf -n": "docs/troubleshooting.md",
    "docker logs mail-api": "docs/troubleshooting.md",
    "curl -I https://mail-api.yourdomain.com/health": "docs/troubleshooting.md",
    "fetch('https://mail-api.yourdomain.com/send', {": "docs/api-reference.md",
}
"""Every command of the description as it is written there, and the page that contains it."""


def template() -> dict[str, str]:
    """Return the variables that .env.mail sets."""
    lines = (ROOT / ".env.mail").read_text(encoding="utf-8").splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines if line[:1].isupper())}


def edited_template() -> dict[str, str]:
    """Return the variables of .env.mail with the essential ones edited, and nothing else."""
    unchanged = template()
    assert set(ESSENTIAL) <= set(unchanged)
    return unchanged | ESSENTIAL


def page(link: str) -> Path:
    """Return the page of `docs/` for a link of the description."""
    return ROOT / "docs" / f"{link.partition('#')[0].lower()}.md"


@pytest.mark.parametrize("link", LINKS)
def test_links(link: str) -> None:
    """Each link leads to a heading of a page in docs/."""
    assert link.partition("#")[2] in anchors(page(link))


@pytest.mark.parametrize(("command", "document"), COMMANDS.items())
def test_commands(command: str, document: str) -> None:
    """Each command is in the docs as it is written in the description."""
    assert command in (ROOT / document).read_text(encoding="utf-8")


def test_files_of_the_commands() -> None:
    """The files that the commands name are at the root, which a Dinky Server has as `services/`."""
    named = set(re.findall(r"services/([\w.-]+)", " ".join(COMMANDS)))
    assert named == {".env.mail", ".env.mail.prod", "docker-compose.mail.prod.yml"}
    assert [name for name in named - {".env.mail.prod"} if not (ROOT / name).is_file()] == []


def test_working_form_of_the_test_mail() -> None:
    """Next to the command that pipes into the host's `mail`, the docs have a form that works, and the reason."""
    text = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    section = text.partition("### Send a test mail")[2].partition("\n## ")[0]
    assert "echo 'This is a test' | docker exec -i mail-server mail -s 'Test Email'" in section
    assert "belongs to the shell of the host" in section


def test_refused_recipient_of_the_example() -> None:
    """The example's recipient is rejected by default; the error names the setting and a heading of the docs."""
    answer = str(RecipientNotAllowed())
    assert "ALLOWED_RECIPIENTS" in answer
    (document, anchor), *_ = re.findall(r"(docs/[\w-]+\.md)#([\w-]+)", answer)
    assert anchor in anchors(ROOT / document)


@pytest.mark.parametrize("line", RELAY)
def test_relay_lines(line: str) -> None:
    """The relay's lines are in the template, commented out, and in the page about Gmail, unchanged."""
    assert f"\n#{line}\n" in (ROOT / ".env.mail").read_text(encoding="utf-8")
    assert f"\n{line}\n" in (ROOT / "docs/gmail-relay.md").read_text(encoding="utf-8")


def test_template_with_six_edits(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the essential variables edited and the rest of the template unchanged, mail server and API start."""
    variables = edited_template()
    command = f"{SCRIPT}; print_warnings"
    started = subprocess.run(  # noqa: S603 - our own script
        ("bash", "-c", command),  # noqa: S607 - whichever bash there is
        env={"PATH": os.environ["PATH"], **variables},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (started.returncode, started.stderr) == (0, "")
    assert "mail-server: warning: SMTP_RELAY_HOST: not set: mail goes directly" in started.stdout
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert load(Settings).smtp_relay_host is None


def test_no_warning_with_a_relay() -> None:
    """With a relay there is no warning about direct delivery."""
    relay = {"SMTP_RELAY_HOST": "smtp.gmail.com", "SMTP_RELAY_USERNAME": "me@gmail.com", "SMTP_RELAY_PASSWORD": "x"}
    shown = subprocess.run(  # noqa: S603 - our own script
        ("bash", "-c", f"{SCRIPT}; print_warnings"),  # noqa: S607 - whichever bash there is
        env={"PATH": os.environ["PATH"], **edited_template(), **relay},
        check=True,
        capture_output=True,
        text=True,
    )
    assert "SMTP_RELAY_HOST" not in shown.stdout
