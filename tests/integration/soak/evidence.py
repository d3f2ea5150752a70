"""Collects the records of each source: the senders, the mail log, the ledger, the relay's inbox, the status API."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from mail_telemetry.message_ids import message_id_header
from tests.integration.soak import maillog
from tests.integration.soak.account import Evidence, Sent, Tally
from tests.integration.stack import API, SANDBOX, Json, Stack

_DOMAIN: Final = "dinky.example"
_READ_LOGS: Final = """
import gzip, pathlib, sys
for path in sorted(pathlib.Path("/var/log/mail").glob("mail.log?*")) + [pathlib.Path("/var/log/mail/mail.log")]:
    if path.exists():
        sys.stdout.buffer.write(gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes())
"""
_READ_LEDGER: Final = """
import json, sqlite3
ledger = sqlite3.connect("file:/var/lib/mail-ledger/ledger.db?mode=ro", uri=True)
for row in ledger.execute('''
    SELECT message_id, recipient_count, expired,
           (SELECT count(*) FROM attempt WHERE message = id AND status = 'sent' AND relay <> 'none'),
           (SELECT count(*) FROM attempt WHERE message = id AND status = 'sent'),
           (SELECT count(*) FROM attempt WHERE message = id AND status = 'bounced'),
           (SELECT count(*) FROM attempt WHERE message = id),
           CASE WHEN closed IS NULL THEN queue_id END
    FROM message WHERE activations > 0'''):
    print(json.dumps(row))
"""
"""Only mails that were in the queue: when the server is stopped during the reception, a row has no end."""
_FAILED: Final = frozenset({"bounced", "expired"})


def log_text(stack: Stack) -> str:
    """Return the whole mail log, rotated files included."""
    return stack.execute("mail-exporter", "python3", "-c", _READ_LOGS)


def gather(stack: Stack, answers: Iterable[Json], log: str) -> Evidence:
    """Return the records of all sources."""
    sent = tuple(one for answer in answers if (one := _sent(answer)))
    lives = maillog.read(log.splitlines())
    inbox = _inbox(stack)
    states = {
        message_id_header(answer["id"], _DOMAIN): _state(stack, answer["id"]) for answer in answers if answer.get("id")
    }
    notices = maillog.notices(lives)
    return Evidence(
        sent=sent,
        log=maillog.tallies(lives),
        ledger=_ledger(stack),
        inbox=inbox,
        states=states,
        reported=frozenset(
            {about for notice, about in notices.items() if notice in inbox}
            | {message_id for message_id, state in states.items() if state in _FAILED}
        ),
        notices=frozenset(notices),
        open=open_mails(stack),
    )


def open_mails(stack: Stack) -> dict[str, str]:
    """Return the queue ids of the mails that have no end in the ledger yet."""
    return {row[0]: row[-1] for row in _rows(stack) if row[-1]}


def _sent(answer: Mapping[str, Any]) -> Sent | None:
    if answer["outcome"] == "refused":
        return None
    named = answer.get("message_id") or message_id_header(str(answer["id"]), _DOMAIN)
    return Sent(named, answer["way"], answer["recipients"], answer["outcome"] == "accepted")


def _rows(stack: Stack) -> list[list[Any]]:
    return [json.loads(line) for line in stack.execute("mail-exporter", "python3", "-c", _READ_LEDGER).splitlines()]


def _ledger(stack: Stack) -> dict[str, Tally]:
    found: dict[str, Tally] = {}
    for message_id, recipients, expired, outside, sent, bounced, tries, _open in _rows(stack):
        failed = recipients - sent if expired else bounced
        so_far = found.get(message_id, Tally())
        found[message_id] = Tally(so_far.delivered + outside, so_far.failed + failed, so_far.tries + tries)
    return found


def _inbox(stack: Stack) -> dict[str, int]:
    found: dict[str, int] = {}
    for mail in stack.http.get(stack.url(SANDBOX, "/messages")).json():
        found[mail["message_id"]] = found.get(mail["message_id"], 0) + len(mail["recipients"])
    return found


def _state(stack: Stack, api_id: str) -> str:
    response = stack.http.get(stack.url(API, f"/messages/{api_id}"))
    return str(response.json().get("state", f"HTTP {response.status_code}"))
