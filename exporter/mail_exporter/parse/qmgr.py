"""qmgr(8): the queue manager takes mails up and lets them go."""

import re
from typing import Final

from mail_exporter.events import Activated, Event, Noted, Removed
from mail_exporter.parse.grammar import QUEUE_ID
from mail_exporter.record import LogRecord

_ACTIVE: Final = re.compile(
    rf"(?P<queue_id>{QUEUE_ID}): from=<.*>, size=(?P<size>\d+), nrcpt=(?P<count>\d+) \(queue active\)", re.DOTALL
)
_REMOVED: Final = re.compile(rf"(?P<queue_id>{QUEUE_ID}): removed")
_NOTED: Final = re.compile(rf"{QUEUE_ID}: (?P<what>from=<.*>, status=(?:force-)?expired|skipped)", re.DOTALL)


def parse(record: LogRecord) -> Event | None:
    """Read `4jXS...: from=<a@b>, size=368, nrcpt=1 (queue active)` (again at every retry) and `4jXS...: removed`."""
    text = record.text
    if found := _ACTIVE.fullmatch(text):
        return Activated(found["queue_id"], int(found["size"]), int(found["count"]))
    if found := _REMOVED.fullmatch(text):
        return Removed(found["queue_id"])
    noted = _NOTED.match(text)
    return Noted(noted["what"]) if noted else None
