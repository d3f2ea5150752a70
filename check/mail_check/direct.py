"""Direct delivery needs port 25 outwards, which most providers of small servers block."""

import smtplib
from typing import Final

from mail_check.finding import Verdict, failed, unknown, warning
from mail_check.lookup import Lookup
from mail_check.reason import reason
from mail_check.stack import Stack
from mail_telemetry.masking import domain_of

_PORT: Final = 25


def outward(stack: Stack, lookup: Lookup, timeout: float, port: int = _PORT) -> Verdict:
    """Judge whether the mail server of FORWARD_EMAIL's domain can be reached.

    Raises:
        LookupFailed: DNS does not answer.
    """
    if not stack.forward_to:
        return unknown("FORWARD_EMAIL is not set, so there is nobody to try it with", "Set FORWARD_EMAIL.")
    domain = domain_of(stack.forward_to[0])
    hosts = [one.host for one in lookup.mx(domain) if one.host] or [domain]
    try:
        with smtplib.SMTP(hosts[0], port, stack.hostname, timeout=timeout):
            return warning(
                f"no relay is set, and {hosts[0]}:{port} answers: mail goes directly to the recipients' servers",
                "Set SMTP_RELAY_HOST and its account (docs/gmail-relay.md), or keep SPF and PTR right for this server.",
            )
    except (OSError, smtplib.SMTPException) as error:
        return failed(
            f"no relay is set, and {hosts[0]}:{port} does not answer: {reason(error)}",
            f"Ask your provider to open port {port} outwards, or set SMTP_RELAY_HOST.",
        )
