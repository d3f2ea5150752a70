"""qmgr(8): the queue manager takes mails up and lets them go."""

import re
from typing import Final

from mail_exporter.events import NOTED, Activated, Event, Expired, Removed
from mail_exporter.parse.grammar import ADDRESS, QUEUE_ID, split_id

_ACTIVE: Final = " (queue active)"
_REMOVED: Final = ": removed"
_OTHER: Final = re.compile(
    rf"({QUEUE_ID}): (?:(from=<{ADDRESS}>, status=(?:force-)?expired, returned to sender)|skipped, |status=|to=<)"
)


def parse(text: str) -> Event | None:
    """Read what the queue manager does with a mail; it takes one up again at every retry.

    4jXSsP52xGzDhqX: from=<a@b>, size=368, nrcpt=1 (queue active)
    4jXSsP52xGzDhqX: from=<a@b>, status=expired, returned to sender
    4jXSsP52xGzDhqX: removed
    """
    if text.endswith(_REMOVED):
        return Removed(text[: -len(_REMOVED)])
    if text.endswith(_ACTIVE) and (activated := _activated(text)) is not None:
        return activated
    other = _OTHER.match(text)
    if other is None:
        return None
    return Expired(other[1]) if other[2] else NOTED


def _activated(text: str) -> Activated | None:
    queue_id, said = split_id(text)
    sender, _, numbers = said[: -len(_ACTIVE)].rpartition(">, size=")
    size, _, recipients = numbers.partition(", nrcpt=")
    if sender.startswith("from=<") and size.isdecimal() and recipients.isdecimal():
        return Activated(queue_id, int(size), int(recipients))
    return None
