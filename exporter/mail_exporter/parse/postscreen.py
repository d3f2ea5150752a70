"""postscreen(8): clients judged before they may speak to smtpd(8)."""

import re
from typing import Final

from mail_exporter.events import NOTED, Event, Reason, Rejected, Screened, Screening

_VERDICTS: Final = {
    "PASS NEW": Screening.PASS_NEW,
    "PASS OLD": Screening.PASS_OLD,
    "PREGREET": Screening.PREGREET,
    "DNSBL": Screening.DNSBL,
    "HANGUP": Screening.HANGUP,
    "ALLOWLISTED": Screening.ALLOWLISTED,
    "WHITELISTED": Screening.ALLOWLISTED,
    "DENYLISTED": Screening.DENYLISTED,
    "BLACKLISTED": Screening.DENYLISTED,
}
_VERDICT: Final = re.compile(rf"({'|'.join(_VERDICTS)}) ")
_NOTED: Final = re.compile(
    r"CONNECT from |DISCONNECT |COMMAND |BARE NEWLINE |NON-SMTP COMMAND |DATA without |BDAT without |NOQUEUE: |cache "
)


def parse(text: str) -> Event | None:
    r"""Read a verdict, with the old words for the lists too (Postfix: respectful_logging).

    PASS NEW [1.2.3.4]:51234
    PREGREET 11 after 0.06 from [1.2.3.4]:51234: EHLO x\r\n
    DNSBL rank 3 for [1.2.3.4]:51234
    NOQUEUE: reject: RCPT from [1.2.3.4]:51234: 550 5.7.1 Service unavailable; client [1.2.3.4] blocked using ...
    """
    if found := _VERDICT.match(text):
        return Screened(_VERDICTS[found[1]])
    if text.startswith("NOQUEUE: reject: "):
        return Rejected(Reason.CLIENT)
    return NOTED if _NOTED.match(text) else None
