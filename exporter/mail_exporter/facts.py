"""What events amount to, once they are joined: this is what metrics, spans and the ledger are made of."""

from typing import Final, final

from mail_exporter.events import Attempted, NoticeSent, ServerEvent
from mail_exporter.mail import Mail
from mail_telemetry.causes import Cause
from mail_telemetry.names import Outcome


@final
class MailReceived:
    """A mail is complete and in the queue: the queue manager has taken it up for the first time."""

    def __init__(self, mail: Mail) -> None:
        self.mail: Final = mail


@final
class AttemptEnded:
    """A delivery attempt ended; times are Unix seconds, right to the log's precision.

    Args:
        mail: the mail.
        attempt: what the log said.
        daemon: who said it.
        ordinal: counts the mail's attempts, over all recipients.
        number: how often the queue manager had taken the mail up.
        began: when waiting for this attempt began: with the mail's arrival, or the end of the attempt before.
        activated: when the queue manager took the mail up for it.
        started: when the queue manager gave it to the agent.
        connected: when DNS, TCP, TLS and login were done.
        ended: when it ended.
        outcome: what became of the recipient, when it was the last attempt.
        cause: why it failed; None when it did not.
    """

    def __init__(  # noqa: PLR0913 - an attempt has as many sides
        self,
        mail: Mail,
        attempt: Attempted,
        daemon: str,
        *,
        ordinal: int,
        number: int,
        began: float,
        activated: float,
        started: float,
        connected: float,
        ended: float,
        outcome: Outcome | None,
        cause: Cause | None,
    ) -> None:
        self.mail: Final = mail
        self.attempt: Final = attempt
        self.daemon: Final = daemon
        self.ordinal: Final = ordinal
        self.number: Final = number
        self.began: Final = began
        self.activated: Final = activated
        self.started: Final = started
        self.connected: Final = connected
        self.ended: Final = ended
        self.outcome: Final = outcome
        self.cause: Final = cause


@final
class MailFinished:
    """A mail left the queue; `outcome` is that of the recipients who had no last attempt, `left` their number.

    Where nobody is left, it is the worst that became of a recipient.
    """

    def __init__(self, mail: Mail, outcome: Outcome, left: int) -> None:
        self.mail: Final = mail
        self.outcome: Final = outcome
        self.left: Final = left


Fact = MailReceived | AttemptEnded | MailFinished | NoticeSent | ServerEvent
