"""Clients of the soak, inside the network: `python3 sender.py RUN KEY`, until standard input ends.

Standard library only: it is mounted into a container. Prints a JSON line for each mail: the entry, the mail's id, and
whether it was `accepted`, `refused`, or `unknown` when the connection broke before the answer.
"""

import base64
import json
import smtplib
import ssl
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any, Final

API: Final = "http://mail-api:20001/send"
SERVER: Final = "mail-server"
USER, PASSWORD = "admin", "sandbox-password"
OWN: Final = "hi@dinky.example"
REFUSED: Final = "refused@example.com"
"""The recipient that the relay always rejects."""
PATIENCE_SECONDS: Final = 90.0
_ATTACHMENT: Final = base64.b64encode(bytes(range(256)) * 400).decode()
_REPEATED: Final = {408, 409, 429, 500, 503}

Json = dict[str, Any]


class Clients:
    """The clients of all entries; each has its own thread."""

    def __init__(self, run: str, key: str) -> None:
        self.run, self.key = run, key
        self.over = threading.Event()
        self._print = threading.Lock()

    def report(self, **result: Any) -> None:  # noqa: ANN401 - any JSON
        """Print the result of one mail."""
        with self._print:
            print(json.dumps(result), flush=True)

    def go(self) -> None:
        """Send until standard input ends; return when every mail has its answer."""
        threads = [
            threading.Thread(target=self.repeat, args=(way, seconds, send))
            for way, seconds, send in (
                ("api", 0.9, self.contact),
                ("form", 2.1, self.form),
                ("several", 2.3, self.several),
                ("attachment", 3.9, self.attachment),
                ("internal", 1.1, self.internal),
                ("submission", 1.9, self.submission),
                ("public", 2.9, self.public),
            )
        ]
        for thread in threads:
            thread.start()
        sys.stdin.read()
        self.over.set()
        for thread in threads:
            thread.join()

    def repeat(self, way: str, seconds: float, send: Callable[[str, int], None]) -> None:
        """Send one mail after the other, with a pause between."""
        number = 0
        while not self.over.wait(seconds):
            number += 1
            send(way, number)

    def contact(self, way: str, number: int) -> None:
        """Send a contact form as JSON, without a key."""
        self.post(way, number, ["recipient@example.com"], {"body": "Hello"})

    def attachment(self, way: str, number: int) -> None:
        """Send a contact form with a file of 100 KB."""
        self.post(way, number, [OWN], {"body": "See there", "attachments": [{"name": "a.bin", "content": _ATTACHMENT}]})

    def several(self, way: str, number: int) -> None:
        """Send with an API key to three recipients, or to two of which the relay rejects one."""
        several = [f"{name}{number}@example.com" for name in ("anna", "ben", "carl")]
        recipients = [several[0], REFUSED] if number % 4 == 0 else several
        self.post(way, number, recipients, {"body": "News"}, Authorization=f"Bearer {self.key}")

    def form(self, way: str, number: int) -> None:
        """Send a plain HTML form."""
        fields = {"to": OWN, "subject": self.subject(way, number), "body": "Hello"}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        self.ask(way, number, 1, urllib.parse.urlencode(fields).encode(), headers)

    def post(self, way: str, number: int, to: list[str], fields: Json, **headers: str) -> None:
        """Post JSON."""
        payload = {"to": to, "subject": self.subject(way, number), **fields}
        self.ask(way, number, len(to), json.dumps(payload).encode(), {"Content-Type": "application/json"} | headers)

    def ask(self, way: str, number: int, recipients: int, body: bytes, headers: dict[str, str]) -> None:
        """Post, and repeat with the same Idempotency-Key until there is an answer."""
        headers = headers | {"Idempotency-Key": f"{self.run}-{way}-{number}"}
        deadline = time.monotonic() + PATIENCE_SECONDS
        answer: Json = {}
        while time.monotonic() < deadline:
            request = urllib.request.Request(API, body, headers)
            try:
                with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - the same
                    answer = json.load(response)
                if answer["success"]:  # else 202, outcome_unknown: a later request gets the outcome from the log
                    self.report(way=way, outcome="accepted", id=answer["id"], recipients=recipients)
                    return
            except urllib.error.HTTPError as refusal:
                answer = json.loads(refusal.read() or b"{}")
                if refusal.code not in _REPEATED:
                    self.report(way=way, outcome="refused", answer=str(answer))
                    return
            except (OSError, ValueError) as error:
                answer = {"message": repr(error)}
            time.sleep(1)
        self.report(way=way, outcome="unknown", id=answer.get("id", ""), recipients=recipients, answer=str(answer))

    def internal(self, way: str, number: int) -> None:
        """Send from another container to port 25, from an address that gets bounces; each fifth mail bounces."""
        recipient = REFUSED if number % 5 == 0 else f"customer{number}@example.com"
        self.smtp(way, number, 25, "app@dinky.example", [recipient])

    def submission(self, way: str, number: int) -> None:
        """Send to port 587 with TLS and a password, to two recipients."""
        self.smtp(way, number, 587, OWN, [f"dora{number}@example.com", f"emil{number}@example.com"])

    def public(self, way: str, number: int) -> None:
        """Send from outside to the domain's own address, which is forwarded."""
        self.smtp(way, number, 2525, "stranger@outside.example", [OWN])

    def smtp(self, way: str, number: int, port: int, sender: str, recipients: Sequence[str]) -> None:
        """Send a mail by SMTP; without a reply to the data its result is unknown, and it is not repeated."""
        message_id = f"<{self.run}-{way}-{number}@shop.example>"
        text = f"From: {sender}\r\nSubject: {self.subject(way, number)}\r\nMessage-ID: {message_id}\r\n\r\nHello\r\n"
        outcome = "refused"
        try:
            with smtplib.SMTP(SERVER, port, timeout=60) as client:
                client.ehlo("soak.example")
                if port == 587:
                    client.starttls(context=unverified())
                    client.login(USER, PASSWORD)
                answers = [client.mail(sender), *(client.rcpt(recipient) for recipient in recipients)]
                if all(code == 250 for code, _ in answers):
                    outcome = "unknown"
                    code, words = client.data(text)
                    outcome, answers = ("accepted" if code == 250 else "refused"), [(code, words)]
        except (OSError, smtplib.SMTPException) as error:
            answers = [(0, repr(error).encode())]
        self.report(
            way=way, outcome=outcome, message_id=message_id, recipients=len(recipients), answer=str(answers[-1])
        )

    def subject(self, way: str, number: int) -> str:
        """Return the subject."""
        return f"soak {self.run} {way} {number}"


def unverified() -> ssl.SSLContext:
    """Return a TLS context for a server with a self-signed certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


if __name__ == "__main__":
    Clients(*sys.argv[1:]).go()
