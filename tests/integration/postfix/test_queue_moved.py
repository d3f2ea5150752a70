"""`save-queue` and `send-queue`: deferred mail of the old server is sent through the new one, once.

The old server is a container of the same image; the original's older Postfix has the same commands.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dinky.__main__ import CANNOT, DONE, main
from tests.integration.postfix.containers import Relay, Server
from tests.integration.postfix.lab import DOMAIN, Lab
from tests.integration.postfix.mails import EXTERNAL_RECIPIENT
from tests.integration.stack import ROOT

BODY = "first\\n.\\n..\\nFrom the middle\\n\\nlast, without an end"
SENDER = f"hi@{DOMAIN}"


@pytest.fixture
def old_server(lab: Lab) -> Iterator[Server]:
    """Return a server whose relay does not exist, so that all mail is deferred."""
    with lab.server("before.lab", variables={"SMTP_RELAY_HOST": "nowhere.lab"}) as server:
        yield server


def submit(server: Server, text: str, sender: str, *recipients: str) -> None:
    """Submit a mail; the text is the subject and the rest, in printf's format."""
    server.run("sh", "-c", f"printf 'Subject: {text}' | sendmail -i -f {sender} {' '.join(recipients)}")


def dinky(*arguments: str) -> None:
    """Run dev/dinky, which uses its image."""
    subprocess.run([str(ROOT / "dev/dinky"), *arguments], check=True, capture_output=True, timeout=110)  # noqa: S603 - ours


def waiting(server: Server, count: int) -> list[str]:
    """Wait until that many mails are deferred or on hold, and return the queue of each."""
    names: list[str] = []

    def look() -> bool:
        names[:] = [one["queue_name"] for one in server.queue()]
        return len(names) == count and set(names) <= {"deferred", "hold"}

    server.until(f"{count} mails waiting", look)
    return names


def test_queue_is_moved(server: Server, old_server: Server, relay: Relay, tmp_path: Path, subject: str) -> None:
    """Every mail is delivered once, with its sender, recipients and text; moved mails stay on hold in the old queue."""
    recipients = [EXTERNAL_RECIPIENT, "second@example.com"]
    submit(old_server, f"a {subject}\\n\\n{BODY}", SENDER, *recipients)
    submit(old_server, f"b {subject}\\n\\nno sender", "''", EXTERNAL_RECIPIENT)
    waiting(old_server, 2)
    folder = tmp_path / "queue"
    dinky("save-queue", str(old_server.container.id), str(folder))
    assert waiting(old_server, 2) == ["hold", "hold"]
    dinky("send-queue", str(server.container.id), str(folder))
    received = relay.received(f"a {subject}")
    assert (received["sender"], sorted(received["recipients"])) == (SENDER, sorted(recipients))
    _, _, body = relay.raw(received).replace(b"\r\n", b"\n").partition(b"\n\n")
    assert body.decode().rstrip("\n") == BODY.replace("\\n", "\n")
    assert relay.received(f"b {subject}")["sender"] == ""
    dinky("send-queue", str(server.container.id), str(folder))
    server.until("an empty queue", lambda: server.queue() == [])
    assert len(relay.mails()) == 2
    old_server.run("postsuper", "-H", "ALL")
    assert waiting(old_server, 2) == ["deferred", "deferred"]


def test_interrupted(server: Server, relay: Relay, tmp_path: Path, subject: str) -> None:
    """A mail that the server rejects stays in the folder, and those before it are not sent again."""
    recipients: dict[str, list[str]] = {"a": [EXTERNAL_RECIPIENT], "b": []}
    for name, found in recipients.items():
        (tmp_path / f"{name}.eml").write_text(f"Subject: {name} {subject}\n\nx\n")
        (tmp_path / f"{name}.json").write_text(json.dumps({"sender": SENDER, "recipients": found}))
    container = str(server.container.id)
    assert main(["send-queue", container, str(tmp_path)]) == CANNOT
    (tmp_path / "b.json").write_text(json.dumps({"sender": SENDER, "recipients": [EXTERNAL_RECIPIENT]}))
    assert main(["send-queue", container, str(tmp_path)]) == DONE
    relay.received(f"b {subject}")
    assert len(relay.mails()) == 2


def test_no_such_container(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The error has Docker's message."""
    assert main(["save-queue", "no-such-container", str(tmp_path / "queue")]) == CANNOT
    assert "No such container: no-such-container" in capsys.readouterr().err
