"""The sentence that each alert puts at the top of the overview, from the most important to the least.

The overview shows the first one whose alert fires. A sentence begins with what the owner of a website notices: that
websites cannot send, that mail waits, that mail flows but something needs care, or that nothing is known.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from alerts.catalogue import every_alert
from alerts.model import Severity
from dashboards.boards import Board


class Detail(StrEnum):
    """The numbers behind a sentence."""

    NONE = "none"
    WAITING = "waiting"
    """How many mails are in the queue, and the age of the oldest."""
    REOPENS = "reopens"
    """When websites can send again."""


class Verdict(NamedTuple):
    """One sentence, with its priority: the highest one is shown."""

    alert: str
    sentence: str
    detail: Detail
    severity: Severity
    board: Board
    priority: int

    @property
    def labels(self) -> dict[str, str]:
        """Labels of its recorded series, whose value is the priority."""
        return {
            "alertname": self.alert,
            "verdict": self.sentence,
            "detail": self.detail.value,
            "severity": self.severity.value,
            "board": self.board.value,
        }


NO_DATA: Final = 300
"""Priority of `Unknown: no data from the exporter`. Only MailApiDown has a higher one, since it needs no such data."""
_FIRST: Final = {Severity.CRITICAL: 299, Severity.WARNING: 199}
_ABOVE_NO_DATA: Final = {"MailApiDown": 400}

_CRITICAL: Final = {
    "MailApiDown": ("Websites cannot send: the mail API is down", Detail.NONE),
    "MailExporterDown": ("Unknown: no data from the exporter", Detail.NONE),
    "MailServerDown": ("Websites cannot send: the mail server is down", Detail.NONE),
    "MailVolumeFull": ("Websites cannot send: the disk is full", Detail.NONE),
    "MailLogNotAdvancing": ("Unknown: the mail log has no new lines", Detail.NONE),
    "MailRelayRefusesCredentials": ("Mail waits: the relay refuses the login", Detail.WAITING),
    "MailRelayTlsFailing": ("Mail waits: no TLS connection to the relay", Detail.WAITING),
    "MailRelayUnreachable": ("Mail waits: the relay cannot be reached", Detail.WAITING),
    "MailQuotaExhausted": ("Mail waits: the relay's daily limit is reached", Detail.WAITING),
    "MailQuotaNoRoom": ("Websites are refused: daily limit reached", Detail.REOPENS),
    "MailQueueNotMoving": ("Mail waits: Postfix does not process new mail", Detail.WAITING),
    "MailQueueStuck": ("Mail has waited for more than a day", Detail.WAITING),
}
_WARNING: Final = {
    "MailApiFailing": ("Websites get errors from the mail API", Detail.NONE),
    "MailApiRefusesForQuota": ("Websites are refused: too little of the daily limit is left", Detail.NONE),
    "MailApiRefusesEverything": ("Websites are refused: every request of a day", Detail.NONE),
    "MailApiOverloaded": ("Websites are refused: too many requests at once", Detail.NONE),
    "MailApiKeyAtLimit": ("A website is refused: its API key reached its limit", Detail.NONE),
    "MailRelayRefusesSender": ("Mail waits: the relay refuses the sender", Detail.WAITING),
    "MailRelayRateLimits": ("Mail waits: the relay limits the sending rate", Detail.WAITING),
    "MailQueueOldestTooOld": ("Mail is late", Detail.WAITING),
    "MailQueueGrowing": ("Mail waits: the queue grows", Detail.WAITING),
    "MailDeliveriesBouncing": ("Mail is returned undelivered", Detail.NONE),
    "MailForwardingFailing": ("Forwarded mail is returned undelivered", Detail.NONE),
    "MailServerRestarting": ("The mail server restarts repeatedly", Detail.NONE),
    "MailServerFatal": ("Postfix logs fatal errors", Detail.NONE),
    "MailQuotaWillRunOut": ("Mail flows, but the daily limit will be reached soon", Detail.NONE),
    "MailVolumeFilling": ("Mail flows, but disk space is low", Detail.NONE),
    "MailQuotaMostlyUsed": ("Mail flows, but most of the daily limit is used", Detail.NONE),
    "MailForwardLimitNear": ("Mail flows, but the limit of forwarded mail is near", Detail.NONE),
    "MailAuthBruteForce": ("Mail flows, but many logins fail", Detail.NONE),
    "MailCertificateExpiring": ("Mail flows, but the certificate expires", Detail.NONE),
    "MailApiLedgerFailing": ("Mail flows, but the mail API cannot use the ledger", Detail.NONE),
    "MailExporterLedgerFailing": ("Mail flows, but the exporter cannot write the ledger", Detail.NONE),
    "MailLogLag": ("Numbers are late: the exporter reads a backlog", Detail.NONE),
    "MailLogGap": ("Numbers are incomplete: log lines are missing", Detail.NONE),
    "MailExporterPartUnreadable": ("Numbers are incomplete: the exporter cannot read everything", Detail.NONE),
    "MailDeliveryObjectiveMissed": ("Mail flows, but too much of it was late this week", Detail.NONE),
}


def _verdicts() -> Iterator[Verdict]:
    alerts = {alert.name: alert for alert in every_alert()}
    for severity, sentences in ((Severity.CRITICAL, _CRITICAL), (Severity.WARNING, _WARNING)):
        for rank, (name, (sentence, detail)) in enumerate(sentences.items()):
            priority = {**_ABOVE_NO_DATA, "MailExporterDown": NO_DATA}.get(name, _FIRST[severity] - rank)
            yield Verdict(name, sentence, detail, severity, alerts[name].board, priority)


VERDICTS: Final = tuple(_verdicts())
