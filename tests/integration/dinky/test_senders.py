"""Services that sent through the old mail server can send through this one, unchanged."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from pathlib import Path
from typing import Final

import httpx2
import pytest
import yaml
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from dinky.server_folder import ALERTMANAGER, COMPOSE
from tests.integration.alerts.tools import ALERTMANAGER as ALERTMANAGER_IMAGE
from tests.integration.postfix.containers import Probe, client_container
from tests.integration.stack import Stack

OWNER: Final = "owner@inbox.example"
VISITOR: Final = "visitor@elsewhere.example"


@pytest.fixture(scope="module")
def smtp_client(stack: Stack) -> Iterator[Probe]:
    """Return a container on the shared network that speaks SMTP."""
    with client_container(network=stack.network()) as running:
        yield Probe(running.get_wrapped_container())


@pytest.fixture(scope="module")
def alertmanager(stack: Stack, installed: Path) -> Iterator[httpx2.Client]:
    """Return an Alertmanager with the compose file's command, on the network with the name `mail-server`."""
    command = yaml.safe_load((installed / COMPOSE).read_text())["services"]["alertmanager"]["command"]
    container = (
        DockerContainer(ALERTMANAGER_IMAGE)
        .with_kwargs(network=stack.network())
        .with_command(command)
        .with_copy_into_container((installed / ALERTMANAGER).read_bytes(), "/etc/alertmanager/alertmanager.yml")
        .with_exposed_ports(9093)
        .waiting_for(HttpWaitStrategy(9093, "/-/ready"))
    )
    with container:
        url = f"http://{container.get_container_host_ip()}:{container.get_exposed_port(9093)}"
        with httpx2.Client(base_url=url, timeout=10) as http:
            yield http


def test_alertmanager(stack: Stack, alertmanager: httpx2.Client, subject: str) -> None:
    """Alertmanager's mail to admin@dinky.local at port 25, without TLS or login, is delivered to FORWARD_EMAIL."""
    labels = {"alertname": subject, "severity": "critical", "service": "website"}
    end = datetime.now(UTC) + timedelta(minutes=5)
    alertmanager.post("/api/v2/alerts", json=[{"labels": labels, "endsAt": end.isoformat()}]).raise_for_status()
    received = stack.received(subject)
    assert received["recipients"] == [OWNER]
    assert received["sender"] == "hi@dinky.example"
    shown = dict(received["headers"])["Subject"]
    assert str(make_header(decode_header(shown))) == f"🚨 Alert that cannot wait: {subject}"


@pytest.mark.parametrize(
    "text", [pytest.param("hello", id="plain"), pytest.param("Grüße aus Málaga", id="unencoded non-ASCII letters")]
)
def test_contact_api(stack: Stack, smtp_client: Probe, subject: str, text: str) -> None:
    """A mail is accepted from a program like Go's net/smtp, with the visitor as its sender and without a Message-ID.

    It sends EHLO localhost, uses every extension of the envelope that is offered, and does not start TLS.
    """
    raw = f"{subject} {text}".encode().decode("latin-1")  # the probe sends one byte a character
    message = (
        f"To: {OWNER}\r\nSubject: {raw}\r\nDate: Sun, 22 Nov 2026 20:00:00 +0000\r\n"
        f"Content-Type: text/plain; charset=UTF-8\r\nFrom: {VISITOR}\r\n\r\n{raw}\r\n.\r\n"
    )
    greeting, hello, *answers = smtp_client.talk(
        "mail-server",
        25,
        "EHLO localhost",
        f"MAIL FROM:<{VISITOR}> BODY=8BITMIME SMTPUTF8",
        f"RCPT TO:<{OWNER}>",
        "DATA",
        message,
    )
    assert greeting.startswith("220 ")
    assert {"250-8BITMIME", "250-SMTPUTF8"} <= set(hello.split(" / "))
    assert "STARTTLS" not in hello
    assert [answer[:3] for answer in answers] == ["250", "250", "354", "250", "221"]
    received = stack.received(subject)
    assert received["recipients"] == [OWNER]
    assert text in received["text"]
