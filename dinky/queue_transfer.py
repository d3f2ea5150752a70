"""Move the mails of a mail server's queue to another mail server: save them as files, send them with `sendmail`.

Both are containers with Postfix 3.1 or newer. Sender, recipients and text are kept; arrival time and requested DSNs are
not.
"""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

_MAILER_DAEMON: Final = "MAILER-DAEMON"
"""How `postqueue -j` writes the empty sender of a bounce."""


class QueueError(Exception):
    """A command of Docker or Postfix failed; the message has its output."""


def save(container: str, folder: Path) -> int:
    """Put every mail in the queue on hold and copy it into the folder; return their number.

    A mail on hold is not sent by the old server too, except for one that is being delivered at this moment.
    `postsuper -H ALL` in that container releases them.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _run(container, "postsuper", "-h", "ALL")
    waiting = [json.loads(line) for line in _run(container, "postqueue", "-j").splitlines()]
    for mail in waiting:
        _save(container, folder, mail)
    return len(waiting)


def send(container: str, folder: Path) -> int:
    """Submit each mail of the folder to the server and mark it as sent; return their number.

    A marked mail is not sent again. A rejected mail is not marked.

    Raises:
        QueueError: a mail was rejected; those before it are marked.
    """
    count = 0
    for envelope in sorted(folder.glob("*.json")):
        mail = json.loads(envelope.read_text())
        text = envelope.with_suffix(".eml").read_bytes()
        # -i: a line with a single dot does not end it. `--`: what follows is addresses.
        _run(container, "sendmail", "-i", "-f", mail["sender"], "--", *mail["recipients"], given=text)
        envelope.rename(envelope.with_suffix(".sent"))
        count += 1
    return count


def _save(container: str, folder: Path, mail: dict[str, Any]) -> None:
    sender = "" if mail["sender"] == _MAILER_DAEMON else mail["sender"]
    recipients = [one["address"] for one in mail["recipients"]]
    # -h, -b: header and body and nothing else.
    text = _run(container, "postcat", "-q", "-h", "-b", mail["queue_id"])
    file = folder / f"{mail['queue_id']}.eml"
    if file.with_suffix(".sent").exists() and file.read_bytes() == text:
        return  # saved and sent before
    file.write_bytes(text)
    # Last: `send` takes what has an envelope.
    file.with_suffix(".json").write_text(json.dumps({"sender": sender, "recipients": recipients}))


def _run(container: str, *command: str, given: bytes = b"") -> bytes:
    through = ["docker", "exec", "--interactive", container, *command]
    done = subprocess.run(through, input=given, capture_output=True, check=False)
    if done.returncode:
        raise QueueError(f"{container}: {command[0]}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout
