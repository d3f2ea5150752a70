"""qmgr(8): mails that are activated, expired or removed by the queue manager."""

import re
from typing import Final

from mail_exporter.events import NO_EVENT, LogEvent, MailActivated, MailExpired, MailRemoved
from mail_exporter.parse.delivery import parse_attempt
from mail_exporter.parse.grammar import ADDRESS, QUEUE_ID, split_id

_ACTIVE: Final = " (queue active)"
_REMOVED: Final = ": removed"
_OTHER: Final = re.compile(
    rf"({QUEUE_ID}): (?:(from=<{ADDRESS}>, status=(?:force-)?expired, returned to sender)|skipped, |to=<)"
)


def parse(text: str) -> LogEvent | None:
    """Parse a line of the queue manager; it activates a mail again for every retry.

    4jXSsP52xGzDhqX: from=<a@b>, size=368, nrcpt=1 (queue active)
    4jXSsP52xGzDhqX: from=<a@b>, status=expired, returned to sender
    4jXSsP52xGzDhqX: to=<a@b>, relay=none, delay=1, delays=1/0/0/0, dsn=4.3.0, status=deferred (mail transport ...)
    4jXSsP52xGzDhqX: removed
    """
    if text.endswith(_REMOVED):
        return MailRemoved(text[: -len(_REMOVED)])
    if text.endswith(_ACTIVE) and (activated := _activated(text)) is not None:
        return activated
    queue_id, said = split_id(text)
    if said.startswith("to=<") and (attempt := parse_attempt(queue_id, said)) is not None:
        return attempt
    other = _OTHER.match(text)
    if other is None:
        return None
    return MailExpired(other[1]) if other[2] else NO_EVENT


def _activated(text: str) -> MailActivated | None:
    queue_id, said = split_id(text)
    sender, _, numbers = said[: -len(_ACTIVE)].rpartition(">, size=")
    size, _, recipients = numbers.partition(", nrcpt=")
    if sender.startswith("from=<") and size.isdecimal() and recipients.isdecimal():
        return MailActivated(queue_id, int(size), int(recipients))
    return None
