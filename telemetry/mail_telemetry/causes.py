"""Causes of delivery failures: meaning, whether a retry can succeed, next step.

Metrics, alerts, runbooks, `explain` and the status API use this closed table. `cause_rules` finds the cause of a reply.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Cause(StrEnum):
    """Why a delivery attempt failed."""

    AUTH = "auth"
    AUTH_RATE = "auth_rate"
    QUOTA = "quota"
    RATE = "rate"
    TLS = "tls"
    DNS = "dns"
    CONNECT = "connect"
    TIMEOUT = "timeout"
    RECIPIENT = "recipient"
    SENDER_POLICY = "sender_policy"
    CONTENT = "content"
    SIZE = "size"
    LOOP = "loop"
    GREYLIST = "greylist"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Meaning of a cause, whether a retry can succeed, and the next step for the operator."""

    meaning: str
    retry_can_succeed: bool
    next_step: str


EXPLANATIONS: Final[dict[Cause, Explanation]] = {
    Cause.AUTH: Explanation(
        "The relay refuses our user name or password.",
        retry_can_succeed=False,
        next_step="Make a new app password and set SMTP_RELAY_USERNAME and SMTP_RELAY_PASSWORD; "
        "changing the account's password revokes app passwords. Mail waits in the queue until then.",
    ),
    Cause.AUTH_RATE: Explanation(
        "The relay saw too many logins in a short time.",
        retry_can_succeed=True,
        next_step="Wait; raise RELAY_RATE_DELAY if it comes back, so that one connection is reused.",
    ),
    Cause.QUOTA: Explanation(
        "The relay account's daily sending limit is used up.",
        retry_can_succeed=True,
        next_step="Wait for the rolling 24 hours to move on; send less, or use an account with a higher limit.",
    ),
    Cause.RATE: Explanation(
        "The relay asks us to slow down.",
        retry_can_succeed=True,
        next_step="Wait; raise RELAY_RATE_DELAY if it comes back.",
    ),
    Cause.TLS: Explanation(
        "No trusted encrypted connection to the relay could be made.",
        retry_can_succeed=False,
        next_step="Check SMTP_RELAY_HOST, SMTP_RELAY_PORT, USE_TLS and TLS_VERIFY, and the server's clock.",
    ),
    Cause.DNS: Explanation(
        "The name of the relay or of the recipient's domain could not be resolved.",
        retry_can_succeed=True,
        next_step="Check SMTP_RELAY_HOST for a typing error, and the server's name resolution.",
    ),
    Cause.CONNECT: Explanation(
        "No connection to the relay could be made, or it broke.",
        retry_can_succeed=True,
        next_step="Check that the network lets SMTP_RELAY_PORT out and that the relay is up.",
    ),
    Cause.TIMEOUT: Explanation(
        "The relay did not answer in time.",
        retry_can_succeed=True,
        next_step="Wait; check the network if it goes on for more than a few minutes.",
    ),
    Cause.RECIPIENT: Explanation(
        "The recipient's address does not exist, is disabled or its mailbox is full.",
        retry_can_succeed=False,
        next_step="Correct the address: DEFAULT_TO and FORWARD_EMAIL, or what the website sends as `to`.",
    ),
    Cause.SENDER_POLICY: Explanation(
        "The relay does not accept this sender: SPF, DKIM, DMARC, reverse DNS or a domain policy.",
        retry_can_succeed=False,
        next_step="Use the relay account's own address as DEFAULT_FROM, or verify it there as an alias.",
    ),
    Cause.CONTENT: Explanation(
        "The relay refuses the content: taken for spam, a forbidden attachment or a malformed header.",
        retry_can_succeed=False,
        next_step="Read the relay's reply; avoid attachments and send few links.",
    ),
    Cause.SIZE: Explanation(
        "The mail is larger than the relay takes.",
        retry_can_succeed=False,
        next_step="Lower MESSAGE_SIZE_LIMIT so that senders get the error at once.",
    ),
    Cause.LOOP: Explanation(
        "The mail is in a forwarding loop.",
        retry_can_succeed=False,
        next_step="Make sure that FORWARD_EMAIL does not lead back to MAIL_DOMAIN.",
    ),
    Cause.GREYLIST: Explanation(
        "The receiving server defers mail from new senders (greylisting).",
        retry_can_succeed=True,
        next_step="Nothing: Postfix tries again by itself.",
    ),
    Cause.OTHER: Explanation(
        "A reason without a known cause.",
        retry_can_succeed=True,
        next_step="Read the relay's reply in the log, and report it so that a cause is added.",
    ),
}
