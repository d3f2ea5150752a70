"""What events amount to, once they are joined: this is what metrics, spans and the ledger are made of."""

from typing import NamedTuple

from mail_exporter.events import Attempted, NoticeSent, ServerEvent
from mail_exporter.mail import Mail
from mail_telemetry.causes import Cause
from mail_telemetry.names import Outcome


class MailReceived(NamedTuple):
    """A mail is complete and in the queue: the queue manager has taken it up for the first time."""

    mail: Mail


class AttemptEnded(NamedTuple):
    """A delivery attempt ended; times are Unix seconds, right to the log's precision."""

    mail: Mail
    attempt: Attempted
    daemon: str
    ordinal: int
    """Counts the mail's attempts, over all recipients."""
    number: int
    """How often the queue manager had taken the mail up."""
    first_of_number: bool
    """Whether this is the first recipient of this number whose end was logged."""
    began: float
    """When waiting for this attempt began: with the mail's arrival, or the end of the attempt before."""
    activated: float
    """When the queue manager took the mail up for it."""
    started: float
    connected: float
    """When DNS, TCP, TLS and login were done."""
    ended: float
    outcome: Outcome | None
    """What became of the recipient, when it was the last attempt."""
    cause: Cause | None
    """Why it failed; none when it did not."""


class MailFinished(NamedTuple):
    """A mail left the queue; `outcome` is that of the recipients who had no last attempt, `left` their number.

    Where nobody is left, it is the worst that became of a recipient.
    """

    mail: Mail
    outcome: Outcome
    left: int


Fact = MailReceived | AttemptEnded | MailFinished | NoticeSent | ServerEvent
