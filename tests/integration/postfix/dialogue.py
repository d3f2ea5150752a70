"""SMTP dialogues, for commands that no library sends.

Standard library only: the file is mounted into containers and runs there as `python3 dialogue.py talk|load JSON`, so
that a test can connect from inside a network as well as from the host.
"""

import base64
import json
import socket
import ssl
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from queue import Empty, Queue
from typing import Any, Final, Self

STARTTLS: Final = "STARTTLS"
"""As a step: the command and the TLS handshake, without verification of the certificate."""
AT_ONCE: Final = "at once: "
"""Before the first step: it is sent before the greeting is read."""
CLOSED: Final = "(closed)"
NOT_SENT: Final = "(not sent)"
"""Instead of a reply: to DATA after a rejected RCPT, and to a message after a rejected DATA."""
TIMEOUT_SECONDS: Final = 20.0


def plain(user: str, password: str, *, identity: str = "") -> str:
    """Return an AUTH PLAIN command."""
    credentials = f"{identity}\0{user}\0{password}".encode()
    return f"AUTH PLAIN {base64.b64encode(credentials).decode()}"


class Line:
    """One SMTP connection, with replies of one or several lines."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), TIMEOUT_SECONDS)
        self._read = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._read.close()
        self._socket.close()

    def send(self, text: str) -> None:
        """Send the text unchanged, one byte a character."""
        with suppress(OSError):  # the next reply is CLOSED then
            self._socket.sendall(text.encode("latin-1"))

    def answer(self) -> str:
        """Return the next reply, its lines joined by ` / `, or CLOSED."""
        lines: list[str] = []
        while not lines or lines[-1][3:4] == "-":
            try:
                line = self._read.readline()
            except OSError:
                line = b""
            if not line:
                return " / ".join([*lines, CLOSED])
            lines.append(line.decode("utf-8", "replace").rstrip())
        return " / ".join(lines)

    def ask(self, command: str) -> str:
        """Send a command and return its reply."""
        self.send(f"{command}\r\n")
        return self.answer()

    def start_tls(self) -> None:
        """Continue in TLS; replies that were not read are dropped."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._read.close()
        self._socket = context.wrap_socket(self._socket)
        self._read = self._socket.makefile("rb")

    def rest(self) -> list[str]:
        """Send QUIT and return the remaining replies."""
        self.send("QUIT\r\n")
        answers = []
        while (answer := self.answer()) != CLOSED:
            answers.append(answer)
            if answer.endswith(CLOSED):
                break
        return answers


def talk(host: str, port: int, script: Iterable[str]) -> list[str]:
    """Return the greeting, a reply for each step of the script, and all replies after QUIT.

    The step after a `DATA` is a message, sent unchanged with its end. Both are skipped if the step before was rejected.
    """
    steps = list(script)
    with Line(host, port) as line:
        early = steps and steps[0].startswith(AT_ONCE)
        if early:
            line.send(steps.pop(0).removeprefix(AT_ONCE))
        answers = [line.answer()]
        before = ""
        for step in steps:
            refused = not answers[-1].startswith("354" if before == "DATA" else "2")
            if refused and "DATA" in {before, step}:
                answers.append(NOT_SENT)
            elif before == "DATA":
                line.send(step)
                answers.append(line.answer())
            else:
                answers.append(line.ask(step))
            if step.startswith(STARTTLS) and answers[-1].startswith("220"):
                line.start_tls()
            before = step
        return [*answers, *line.rest()]


def load(  # noqa: PLR0913 - what a load consists of
    *, host: str, port: int, sender: str, recipient: str, ids: list[str], connections: int, size: int
) -> list[str]:
    """Send a mail for each id, as its subject, over several connections; return the ids that were answered 250.

    A connection ends when it breaks or a mail is rejected.
    """
    waiting: Queue[str] = Queue()
    for one in ids:
        waiting.put(one)
    accepted: list[str] = []

    def work() -> None:
        with suppress(OSError, Empty), Line(host, port) as line:
            line.answer()
            line.ask("EHLO load.example")
            while True:
                one = waiting.get_nowait()
                line.ask(f"MAIL FROM:<{sender}>")
                line.ask(f"RCPT TO:<{recipient}>")
                if line.ask("DATA")[:3] != "354":
                    return
                line.send(f"From: {sender}\r\nTo: {recipient}\r\nSubject: {one}\r\n\r\n{'x' * 70}\r\n")
                line.send(f"{'y' * 70}\r\n" * (size // 72))
                answer = line.ask(".")
                if answer[:3] == "250":
                    accepted.append(one)
                if CLOSED in answer:
                    return

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return accepted


def main(what: str, text: str) -> None:
    """Run `talk` or `load` and print the result as JSON."""
    asked: Any = json.loads(text)
    if what == "load":
        print(json.dumps(load(**asked)))
    else:
        print(json.dumps([talk(**one) for one in asked]))


if __name__ == "__main__":
    main(*sys.argv[1:])
