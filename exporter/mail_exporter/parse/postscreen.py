"""postscreen(8): verdicts on clients, before smtpd(8)."""

import re
from typing import Final

from mail_exporter.events import NO_EVENT, ClientRejected, ClientScreened, LogEvent, PostscreenVerdict, RejectReason
from mail_exporter.parse import reject

_VERDICTS: Final = {
    "PASS NEW": PostscreenVerdict.PASS_NEW,
    "PASS OLD": PostscreenVerdict.PASS_OLD,
    "PREGREET": PostscreenVerdict.PREGREET,
    "DNSBL": PostscreenVerdict.DNSBL,
    "HANGUP": PostscreenVerdict.HANGUP,
    "ALLOWLISTED": PostscreenVerdict.ALLOWLISTED,
    "WHITELISTED": PostscreenVerdict.ALLOWLISTED,
    "DENYLISTED": PostscreenVerdict.DENYLISTED,
    "BLACKLISTED": PostscreenVerdict.DENYLISTED,
    "ALLOWLIST VETO": PostscreenVerdict.VETO,
    "WHITELIST VETO": PostscreenVerdict.VETO,
}
_VERDICT: Final = re.compile(rf"({'|'.join(_VERDICTS)}) ")
_NOTED: Final = re.compile(
    r"CONNECT from |DISCONNECT |COMMAND |BARE NEWLINE |NON-SMTP COMMAND |DATA without |BDAT without |NOQUEUE: |cache "
)

_OTHER: Final = ClientRejected(RejectReason.OTHER)


def parse(text: str) -> LogEvent | None:
    r"""Parse a verdict, including the older names of the lists (Postfix: respectful_logging).

    PASS NEW [1.2.3.4]:51234
    PREGREET 11 after 0.06 from [1.2.3.4]:51234: EHLO x\r\n
    DNSBL rank 3 for [1.2.3.4]:51234
    ALLOWLIST VETO [1.2.3.4]:51234
    reject: connect from [1.2.3.4]:51234: all screening ports busy
    NOQUEUE: reject: RCPT from [1.2.3.4]:51234: 550 5.7.1 Service unavailable; client [1.2.3.4] blocked using ...
    """
    if found := _VERDICT.match(text):
        return ClientScreened(_VERDICTS[found[1]])
    if text.startswith(("NOQUEUE: reject: ", "reject: ")):
        rejected = reject.parse(text)
        return rejected if rejected is not None and rejected != _OTHER else ClientRejected(RejectReason.CLIENT)
    return NO_EVENT if _NOTED.match(text) else None
