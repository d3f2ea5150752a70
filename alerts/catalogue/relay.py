"""What the relay says. By state: the mail that waits for a cause, for as long as it waits."""

from typing import Final

from alerts.model import Alert, CauseFrom, Component, Group, Severity
from dashboards.boards import Board
from dashboards.queries import recorded
from mail_telemetry.causes import Cause

_WAITING: Final = "cause:postfix_queue_deferred_messages:sum"
_OLDEST: Final = (
    '{{ with printf "cause:postfix_queue_deferred_oldest_message_age_seconds:max{cause=%q}" $labels.cause | query }}'
    "{{ . | first | value | humanizeDuration }}{{ end }}"
)
_NUMBERS: Final = f'Mails that wait: {{{{ $value | printf "%.0f" }}}}, the oldest for {_OLDEST}.'

CREDENTIALS: Final = Alert(
    name="MailRelayRefusesCredentials",
    severity=Severity.CRITICAL,
    expr=f"{recorded(_WAITING, cause=Cause.AUTH)} > 0",
    hold="1m",
    summary="The relay refuses our user name or password",
    description=f"No mail leaves. {_NUMBERS}",
    advice=Cause.AUTH,
    board=Board.SERVER,
    reason="One mail, one minute: a wrong password does not become right, and every mail meets it.",
    silenced_by=("MailServerDown",),
)

TLS: Final = Alert(
    name="MailRelayTlsFailing",
    severity=Severity.CRITICAL,
    expr=f"{recorded(_WAITING, cause=Cause.TLS)} > 0",
    hold="2m",
    summary="No trusted encrypted connection to the relay",
    description=f"Nothing is sent without it. {_NUMBERS}",
    advice=Cause.TLS,
    board=Board.SERVER,
    reason="Two minutes: certificates and TLS settings do not change by themselves, a broken handshake may.",
    silenced_by=("MailServerDown",),
)

UNREACHABLE: Final = Alert(
    name="MailRelayUnreachable",
    severity=Severity.CRITICAL,
    expr=f'{_WAITING}{{cause=~"{Cause.CONNECT}|{Cause.DNS}|{Cause.TIMEOUT}"}} > 0',
    hold="10m",
    summary="The relay cannot be reached: {{ $labels.cause }}",
    description=f"It has been so for 10 minutes and more than one try. {_NUMBERS}",
    advice=CauseFrom.LABEL,
    board=Board.SERVER,
    reason="Ten minutes: the second try comes after five, so a short outage of the relay or the line is no alert.",
    silenced_by=("MailServerDown",),
)

RATE: Final = Alert(
    name="MailRelayRateLimits",
    severity=Severity.WARNING,
    expr=f'{_WAITING}{{cause=~"{Cause.RATE}|{Cause.AUTH_RATE}"}} > 0',
    hold="30m",
    summary="The relay slows us down: {{ $labels.cause }}",
    description=f"It has asked us to wait for 30 minutes. {_NUMBERS}",
    advice=CauseFrom.LABEL,
    board=Board.SERVER,
    reason="Half an hour: relays ask for patience now and then, and Postfix has it.",
    silenced_by=("MailServerDown",),
)

_ALL: Final = (CREDENTIALS, TLS, UNREACHABLE, RATE)
NAMES: Final = tuple(alert.name for alert in _ALL)
GROUP: Final = Group(Component.RELAY, "What the relay says", _ALL)
