"""pickup(8): mail of local programs, through sendmail(1)."""

import re
from typing import Final

from mail_exporter.events import Accepted, Event
from mail_exporter.parse.grammar import QUEUE_ID
from mail_exporter.record import LogRecord

LOCAL_SERVICE: Final = "pickup"

_UID: Final = re.compile(rf"(?P<queue_id>{QUEUE_ID}): uid=\d+ from=")


def parse(record: LogRecord) -> Event | None:
    """Read `4jXSsP52xGzDhqX: uid=0 from=<root>`."""
    found = _UID.match(record.text)
    return Accepted(found["queue_id"], LOCAL_SERVICE) if found else None
