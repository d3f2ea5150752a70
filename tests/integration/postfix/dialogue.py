"""SMTP word by word, for clients that do what no library would.

Standard library only: the same file is mounted into containers and runs there as `python3 dialogue.py talk|load JSON`,
so that a test can speak from inside a network as well as from the host.
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
"""As a step: the command, and then the handshake, without looking at the certificate."""
AT_ONCE: Final = "at once: "
"""In front of a first step: it is sent before the greeting is read."""
CLOSED: Final = "(closed)"
NOT_SENT: Final = "(not sent)"
"""In place of an answer to DATA when RCPT was refused, and to a message when DATA was."""
TIMEOUT_SECONDS: Final = 20.0


def plain(user: str, password: str, *, as_whom: str = "") -> str:
    """Return an AUTH PLAIN command."""
    told = f"{as_whom}\0{user}\0{password}".encode()
    return f"AUTH PLAIN {base64.b64encode(told).decode()}"


class Line:
    """One connection: what is said, and the server's answers, each with all its lines."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), TIMEOUT_SECONDS)
        self._read = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._read.close()
        self._socket.close()

    def send(self, text: str) -> None:
        """Send the text as it is, one byte a character."""
        with suppress(OSError):  # who was hung up on hears so at the next answer
            self._socket.sendall(text.encode("latin-1"))

    def answer(self) -> str:
        """Return the next answer, its lines joined by ` / `, or CLOSED."""
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
        """Send a command and return its answer."""
        self.send(f"{command}\r\n")
        return self.answer()

    def start_tls(self) -> None:
        """Go on in TLS; whatever was sent before it is not heard again."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._read.close()
        self._socket = context.wrap_socket(self._socket)
        self._read = self._socket.makefile("rb")

    def rest(self) -> list[str]:
        """Say QUIT and return every answer up to the end."""
        self.send("QUIT\r\n")
        answers = []
        while (answer := self.answer()) != CLOSED:
            answers.append(answer)
            if answer.endswith(CLOSED):
                break
        return answers


def talk(host: str, port: int, script: Iterable[str]) -> list[str]:
    """Return the greeting, an answer for each step of the script, and all that came after QUIT.

    The step after a `DATA` is a message, sent as it is, end and all. Both are skipped when the step before was refused.
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
    """Send a mail for each id, as its subject, over so many connections; return the ids that got a 250.

    A connection that breaks, or on which a mail is refused, sends no more.
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
    """Do what is asked for and print what came of it as JSON."""
    asked: Any = json.loads(text)
    if what == "load":
        print(json.dumps(load(**asked)))
    else:
        print(json.dumps([talk(**one) for one in asked]))


if __name__ == "__main__":
    main(*sys.argv[1:])
