"""Alerts about the relay: they fire while mail is deferred by their cause."""

from typing import Final

from alerts.model import Alert, CauseFrom, Component, Group, Severity
from dashboards.boards import Board
from dashboards.recording_rules import recorded
from mail_telemetry.causes import Cause

_WAITING: Final = "cause:postfix_queue_deferred_messages:sum"
_OLDEST: Final = (
    '{{ with printf "cause:postfix_queue_deferred_oldest_message_age_seconds:max{cause=%q}" $labels.cause | query }}'
    "{{ . | first | value | humanizeDuration }}{{ end }}"
)
_NUMBERS: Final = f'Deferred mails: {{{{ $value | printf "%.0f" }}}}, the oldest for {_OLDEST}.'

CREDENTIALS: Final = Alert(
    name="MailRelayRefusesCredentials",
    severity=Severity.CRITICAL,
    expr=f"{recorded(_WAITING, cause=Cause.AUTH)} > 0",
    hold="1m",
    summary="The relay rejects the user name or password",
    description=f"No mail is delivered. {_NUMBERS}",
    advice=Cause.AUTH,
    board=Board.SERVER,
    reason="One mail for one minute: retries do not help, and all mail is affected.",
    silenced_by=("MailServerDown",),
)

TLS: Final = Alert(
    name="MailRelayTlsFailing",
    severity=Severity.CRITICAL,
    expr=f"{recorded(_WAITING, cause=Cause.TLS)} > 0",
    hold="2m",
    summary="No trusted TLS connection to the relay",
    description=f"No mail is sent without TLS. {_NUMBERS}",
    advice=Cause.TLS,
    board=Board.SERVER,
    reason="2 minutes: a failed handshake can be temporary, a wrong certificate or TLS setting is not.",
    silenced_by=("MailServerDown",),
)

SENDER: Final = Alert(
    name="MailRelayRefusesSender",
    severity=Severity.WARNING,
    expr=f"{recorded(_WAITING, cause=Cause.SENDER_POLICY)} > 0",
    hold="5m",
    summary="The relay rejects the sender",
    description=f"Mail of this sender waits until the relay allows it, or DEFAULT_FROM is changed. {_NUMBERS}",
    advice=Cause.SENDER_POLICY,
    board=Board.SERVER,
    reason="5 minutes: the first retry has failed too. Often only some senders are rejected, so it is a warning.",
    silenced_by=("MailServerDown",),
)

UNREACHABLE: Final = Alert(
    name="MailRelayUnreachable",
    severity=Severity.CRITICAL,
    expr=f'{_WAITING}{{cause=~"{Cause.CONNECT}|{Cause.DNS}|{Cause.TIMEOUT}"}} > 0',
    hold="10m",
    summary="The relay cannot be reached: {{ $labels.cause }}",
    description=f"Connections have failed for 10 minutes and more than one attempt. {_NUMBERS}",
    advice=CauseFrom.LABEL,
    board=Board.SERVER,
    reason="10 minutes: the first retry is after 5, so a short outage of the relay or the network does not fire.",
    silenced_by=("MailServerDown",),
)

RATE: Final = Alert(
    name="MailRelayRateLimits",
    severity=Severity.WARNING,
    expr=f'{_WAITING}{{cause=~"{Cause.RATE}|{Cause.AUTH_RATE}"}} > 0',
    hold="30m",
    summary="The relay limits the sending rate: {{ $labels.cause }}",
    description=f"The relay has deferred mail for 30 minutes because of its rate. {_NUMBERS}",
    advice=CauseFrom.LABEL,
    board=Board.SERVER,
    reason="30 minutes: rate limits are often short, and Postfix retries automatically.",
    silenced_by=("MailServerDown",),
)

_ALL: Final = (CREDENTIALS, TLS, SENDER, UNREACHABLE, RATE)
NAMES: Final = tuple(alert.name for alert in _ALL)
GROUP: Final = Group(Component.RELAY, "The relay", _ALL)
