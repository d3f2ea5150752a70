"""pickup(8): mail of local programs, sent with sendmail(1)."""

import re
from typing import Final

from mail_exporter.events import NO_EVENT, LogEvent, MailAccepted
from mail_exporter.parse.grammar import QUEUE_ID

_UID: Final = re.compile(rf"({QUEUE_ID}): (uid=\d+ from=)?")


def parse(text: str) -> LogEvent | None:
    """Parse `4jXSsP52xGzDhqX: uid=0 from=<root>`."""
    found = _UID.match(text)
    if found is None:
        return None
    return MailAccepted(found[1]) if found[2] else NO_EVENT
