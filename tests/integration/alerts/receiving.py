"""Recording receivers of notifications: an HTTP server, and an SMTP server for e-mail."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

Json = dict[str, Any]

_ACCEPTED: Final = {"ok": True, "result": {"message_id": 1, "date": 0, "chat": {"id": 1, "type": "private"}}}
"""An accepted notification in the format of Telegram and Slack; the others use the status only."""


class Request(NamedTuple):
    """A notification that Alertmanager sent over HTTP."""

    path: str
    headers: dict[str, str]
    body: Json


class Receivers:
    """The received notifications, oldest first, and the ports of the servers."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.emails: list[EmailMessage] = []
        self.http_port = 0
        self.smtp_port = 0

    def count(self) -> int:
        """Return how many notifications arrived."""
        return len(self.requests) + len(self.emails)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Record an e-mail."""
        message = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.emails.append(message)
        return "250 OK"


@contextmanager
def receiving() -> Iterator[Receivers]:
    """Run both servers on all addresses, so that a container can connect to them."""
    receivers = Receivers()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receivers.requests.append(Request(self.path, dict(self.headers), body))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(_ACCEPTED).encode())

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("", 0), Handler)
    Thread(target=http.serve_forever, daemon=True).start()
    smtp = Controller(receivers, hostname="0.0.0.0", port=_free_port())  # noqa: S104 - a container sends to it
    smtp.start()
    receivers.http_port, receivers.smtp_port = http.server_port, smtp.port
    try:
        yield receivers
    finally:
        smtp.stop()
        http.shutdown()
        http.server_close()


def _free_port() -> int:
    """Return a port for aiosmtpd, which cannot choose one."""
    with socket.socket() as one:
        one.bind(("", 0))
        port: int = one.getsockname()[1]
        return port
