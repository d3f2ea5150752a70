"""When a certificate ends, by the limit of the alert MailCertificateExpiring."""

import time
from typing import Final

from mail_check.finding import Verdict, failed, ok, warning
from mail_exporter.collectors.certificate import read_expiry

SOON_DAYS: Final = 14
_DAY: Final = 86_400
_FIX: Final = "Put the new one where TLS_CERT_FILE and TLS_KEY_FILE point; mail-server takes it up by itself."


def ends(moment: float, now: float, fix: str, *, name: str = "") -> Verdict:
    """Judge when a certificate ends.

    Args:
        moment: its end, in Unix seconds.
        now: the time, likewise.
        fix: what to do when it ends soon.
        name: of the finding.
    """
    day = time.strftime("%Y-%m-%d", time.gmtime(moment))
    if moment <= now:
        return failed(f"ended on {day}", fix, name=name)
    days = int((moment - now) // _DAY)
    if days < SOON_DAYS:
        return warning(f"ends in {days} days, on {day}", fix, name=name)
    return ok(f"valid until {day}", name=name)


def submission(host: str, port: int, timeout: float) -> Verdict:
    """Judge the certificate that our own mail server shows after STARTTLS.

    Raises:
        CertificateUnavailable: nobody answers, or without TLS.
    """
    return ends(read_expiry(host, port, timeout), time.time(), _FIX)
