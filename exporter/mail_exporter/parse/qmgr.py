"""qmgr(8): the queue manager takes mails up and lets them go."""

import re
from typing import Final

from mail_exporter.events import NOTED, Activated, Event, Expired, Removed
from mail_exporter.parse.grammar import ADDRESS, QUEUE_ID

_ACTIVE: Final = re.compile(rf"({QUEUE_ID}): from=<.*>, size=(\d+), nrcpt=(\d+) \(queue active\)", re.DOTALL)
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
    if found := _ACTIVE.fullmatch(text):
        return Activated(found[1], int(found[2]), int(found[3]))
    other = _OTHER.match(text)
    if other is None:
        return None
    return Expired(other[1]) if other[2] else NOTED
