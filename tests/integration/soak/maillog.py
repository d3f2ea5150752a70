"""Parses a whole mail log for the account, by five kinds of lines.

It does not use the exporter's parsers, because it is compared with the exporter's ledger.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.integration.soak.account import Tally

_LINE: Final = re.compile(
    r"^\w+ +\d+ [\d:]+ \S+ postfix/(?:[\w-]+/)?(?P<daemon>\w+)\[\d+\]: (?P<id>\w+): (?P<text>.*)$"
)
_MESSAGE_ID: Final = re.compile(r"^message-id=(?P<message_id>\S+)$")
_ATTEMPT: Final = re.compile(
    r"^to=<(?P<recipient>[^>]*)>,(?: orig_to=<[^>]*>,)? relay=(?P<relay>[^,]+), .*?status=(?P<status>\w+) \("
)
_NOTICE: Final = re.compile(r"^sender non-delivery notification: (?P<notice>\w+)$")
_EXPIRED: Final = "status=expired, returned to sender"


@dataclass(slots=True)
class Mail:
    """The log's records of one queue id."""

    message_id: str = ""
    statuses: dict[str, str] = field(default_factory=dict)
    """The last status of each recipient."""
    outside: Counter[str] = field(default_factory=Counter)
    """How many times the relay accepted it for each recipient."""
    tries: int = 0
    active: bool = False
    """Whether it was in the queue, so that its reception was complete."""
    expired: bool = False
    notices: list[str] = field(default_factory=list)

    def tally(self) -> Tally:
        """Return the outcome of its recipients."""
        failed = sum(one == "bounced" or (self.expired and one == "deferred") for one in self.statuses.values())
        return Tally(self.outside.total(), failed, self.tries)


def read(log: Iterable[str]) -> dict[str, Mail]:
    """Return the records of every queue id that was in the queue.

    Nov 22 12:00:03 mail postfix/cleanup[208]: 4jXSs2111CzDhqX: message-id=<soak-1@shop.example>
    Nov 22 12:00:03 mail postfix/qmgr[204]: 4jXSs2111CzDhqX: from=<a@shop.example>, size=368, nrcpt=1 (queue active)
    Nov 22 12:00:03 mail postfix/smtp[209]: 4jXSs2111CzDhqX: to=<bob@example.com>, relay=relay[172.20.0.2]:587, \
delay=0.32, delays=0.1/0.02/0.1/0.1, dsn=2.0.0, status=sent (250 2.0.0 OK)
    Nov 22 12:00:04 mail postfix/bounce[242]: 4jXStg111CzDhqX: sender non-delivery notification: 4jXSth111CzDhqX
    Nov 22 12:00:05 mail postfix/qmgr[204]: 4jXStg111CzDhqX: from=<hi@dinky.example>, status=expired, returned to sender
    """
    mails: dict[str, Mail] = {}
    for line in log:
        if found := _LINE.match(line):
            _note(mails.setdefault(found["id"], Mail()), found["daemon"], found["text"])
    return {queue_id: mail for queue_id, mail in mails.items() if mail.active}


def tallies(mails: Mapping[str, Mail]) -> dict[str, Tally]:
    """Return the outcome of every mail by its Message-ID; several queue ids of one Message-ID are added up."""
    found: dict[str, Tally] = {}
    for mail in mails.values():
        so_far, more = found.get(mail.message_id, Tally()), mail.tally()
        found[mail.message_id] = Tally(*(one + other for one, other in zip(so_far, more, strict=True)))
    return found


def notices(mails: Mapping[str, Mail]) -> dict[str, str]:
    """Return the Message-ID of each bounce, and that of the mail that it reports."""
    return {
        mails[notice].message_id: mail.message_id
        for mail in mails.values()
        for notice in mail.notices
        if notice in mails
    }


def _note(mail: Mail, daemon: str, text: str) -> None:
    if daemon == "cleanup" and (found := _MESSAGE_ID.match(text)):
        mail.message_id = found["message_id"]
    elif daemon == "bounce" and (found := _NOTICE.match(text)):
        mail.notices.append(found["notice"])
    elif daemon == "qmgr":
        mail.expired = mail.expired or text.endswith(_EXPIRED)
        mail.active = mail.active or text.endswith("(queue active)")
    elif found := _ATTEMPT.match(text):
        mail.tries += 1
        mail.statuses[found["recipient"]] = found["status"]
        if found["status"] == "sent" and found["relay"] != "none":
            mail.outside[found["recipient"]] += 1
