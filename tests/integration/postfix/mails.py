"""Mails of the tests: as steps of a dialogue, or sent by a program in a server's container."""

from typing import Final

from tests.integration.postfix.containers import Server
from tests.integration.postfix.lab import DOMAIN

EXTERNAL_RECIPIENT: Final = "somebody@example.com"


def mail(subject: str, *, sender: str, recipient: str, head: str = "", body: str = "hello\r\n") -> tuple[str, ...]:
    """Return the steps that send a mail."""
    return (
        f"MAIL FROM:<{sender}>",
        f"RCPT TO:<{recipient}>",
        "DATA",
        f"From: {sender}\r\nSubject: {subject}\r\n{head}\r\n{body}.\r\n",
    )


def submit(server: Server, *subjects: str, sender: str = f"hi@{DOMAIN}", recipient: str = EXTERNAL_RECIPIENT) -> None:
    """Submit a mail for each subject with `sendmail` in the server's container, one right after the other."""
    head = f"From: {sender}\\nTo: {recipient}\\nSubject: "
    texts = (f"{head}{subject}\\n\\nhello\\n" for subject in subjects)
    server.run("sh", "-c", " && ".join(f"printf '{text}' | sendmail -f {sender} {recipient}" for text in texts))
