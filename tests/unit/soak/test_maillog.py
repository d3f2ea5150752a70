"""The soak's own parser of the mail log."""

from tests.integration.soak.account import Tally
from tests.integration.soak.maillog import notices, read, tallies

LOG = """\
Nov 22 12:00:00 mail postfix/internal/smtpd[1]: connect from app[172.20.0.9]
Nov 22 12:00:00 mail postfix/cleanup[2]: 4jXSs2111CzDhqX: message-id=<1@a>
Nov 22 12:00:00 mail postfix/qmgr[5]: 4jXSs2111CzDhqX: from=<app@a>, size=1, nrcpt=2 (queue active)
Nov 22 12:00:00 mail postfix/cleanup[2]: 4jXSs3111CzDhqX: message-id=<broken@a>
Nov 22 12:00:00 mail postfix/smtp[3]: 4jXSs2111CzDhqX: to=<bob@example.com>, relay=relay[172.20.0.2]:587, delay=0.3, \
delays=0.1/0/0.1/0.1, dsn=2.0.0, status=sent (250 2.0.0 OK)
Nov 22 12:00:00 mail postfix/smtp[3]: 4jXSs2111CzDhqX: to=<no@example.com>, relay=relay[172.20.0.2]:587, delay=0.3, \
delays=0.1/0/0.1/0.1, dsn=5.1.1, status=bounced (host relay said: 550 status=sent (250))
Nov 22 12:00:01 mail postfix/public/cleanup[2]: 4jXSs4111CzDhqX: message-id=<n@a>
Nov 22 12:00:01 mail postfix/bounce[4]: 4jXSs2111CzDhqX: sender non-delivery notification: 4jXSs4111CzDhqX
Nov 22 12:00:01 mail postfix/qmgr[5]: 4jXSs2111CzDhqX: removed
Nov 22 12:00:01 mail postfix/qmgr[5]: 4jXSs4111CzDhqX: from=<>, size=1, nrcpt=1 (queue active)
Nov 22 12:00:01 mail postfix/discard[6]: 4jXSs4111CzDhqX: to=<x@discarded.invalid>, orig_to=<y@b>, relay=none, \
delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (discarded)
Nov 22 12:00:02 mail postfix/cleanup[2]: 4jXSs6111CzDhqX: message-id=<2@a>
Nov 22 12:00:02 mail postfix/qmgr[5]: 4jXSs6111CzDhqX: from=<app@a>, size=1, nrcpt=1 (queue active)
Nov 22 12:00:02 mail postfix/smtp[3]: 4jXSs6111CzDhqX: to=<bob@example.com>, relay=none, delay=1, delays=1/0/0/0, \
dsn=4.4.1, status=deferred (connect to relay: Connection refused)
Nov 22 12:01:02 mail postfix/error[3]: 4jXSs6111CzDhqX: to=<bob@example.com>, relay=none, delay=61, delays=61/0/0/0, \
dsn=4.4.1, status=deferred (delivery temporarily suspended: connect to relay: Connection refused)
Nov 22 12:01:02 mail postfix/qmgr[5]: 4jXSs6111CzDhqX: from=<app@a>, status=expired, returned to sender
""".splitlines()


def test_tallies() -> None:
    """Delivered, bounced, discarded and expired recipients are counted; quoted text and incomplete mails are not."""
    assert tallies(read(LOG)) == {"<1@a>": Tally(1, 1, 2), "<n@a>": Tally(0, 0, 1), "<2@a>": Tally(0, 1, 2)}


def test_notices() -> None:
    """A bounce is assigned to the mail that it reports."""
    assert notices(read(LOG)) == {"<n@a>": "<1@a>"}
