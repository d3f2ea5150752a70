"""The compared exporters: command, counters of lines read, and the expected values of their metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from dev.bench.lines import Kind
from dev.bench.maillog import Contents
from mail_telemetry.metrics import exporter

HSN723: Final = "Hsn723/postfix_exporter"
MTAIL: Final = "mtail"
PEERS: Final = (HSN723, MTAIL)


class Image(StrEnum):
    """The Dockerfile's targets."""

    PEERS = "peers"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Expected:
    """A sum of samples that must equal a number in the log.

    Args:
        name: the samples' name in the exposition.
        kinds: the lines they count; empty for all lines.
        labels: those that a sample must have.
    """

    name: str
    kinds: tuple[Kind, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Side:
    """One exporter in one mode; the modes are those of `measure.py`."""

    name: str
    image: Image
    manner: str
    command: tuple[str, ...]
    expected: tuple[Expected, ...]
    url: str = ""
    counters: tuple[str, ...] = ()
    """The counters that add up to the lines it has read."""
    environment: tuple[str, ...] = ()
    """Variables, each as `NAME=value`."""
    sink_port: int = 0
    """The port to which it sends its spans."""
    share: int = 1
    """It gets only this part of the log: one line in so many, for slow modes."""

    def complaints(self, exposition: str, contents: Contents) -> list[str]:
        """Return the differences between the exposition and the log; empty when every line was read and parsed."""
        samples = [sample for family in text_string_to_metric_families(exposition) for sample in family.samples]
        found = []
        for expected in self.expected:
            wanted = sum(contents.kinds[kind] for kind in expected.kinds) if expected.kinds else contents.lines
            counted = sum(
                sample.value
                for sample in samples
                if sample.name == expected.name and expected.labels.items() <= sample.labels.items()
            )
            if counted != wanted:
                found.append(f"{expected.name}{dict(expected.labels) or ''} is {counted:.0f}, not {wanted}")
        return found


_HSN723_LINES: Final = (
    "postfix_bounce_non_delivery_notification_total",
    "postfix_cleanup_messages_processed_total",
    "postfix_cleanup_messages_rejected_total",
    "postfix_qmgr_messages_expired_total",
    "postfix_qmgr_messages_inserted_recipients_count",
    "postfix_qmgr_messages_removed_total",
    "postfix_smtp_connection_timed_out_total",
    "postfix_smtp_messages_processed_total",
    "postfix_smtp_tls_connections_total",
    "postfix_smtpd_connects_total",
    "postfix_smtpd_connections_lost_total",
    "postfix_smtpd_disconnects_total",
    "postfix_smtpd_forward_confirmed_reverse_dns_errors_total",
    "postfix_smtpd_messages_processed_total",
    "postfix_smtpd_messages_rejected_total",
    "postfix_smtpd_sasl_authentication_failures_total",
    "postfix_smtpd_tls_connections_total",
    "postfix_unsupported_log_entries_total",
)
"""Every line is counted by exactly one of these."""
_SMTPD: Final = ("smtpd", "internal/smtpd", "public/smtpd", "submission/smtpd")
_CLEANUP: Final = ("cleanup", "public/cleanup", "bounce/cleanup")
_ATTEMPTS: Final = (Kind.SENT, Kind.DEFERRED, Kind.BOUNCED)


def _attempts(name: str) -> tuple[Expected, ...]:
    return tuple(Expected(name, (kind,), {"status": kind.value}) for kind in _ATTEMPTS)


_HSN723: Final = Side(
    name=HSN723,
    image=Image.PEERS,
    manner="follow",
    # Its README requires each daemon's syslog name; otherwise its lines count as unsupported.
    command=(
        "prometheus-postfix-exporter",
        "--postfix.logfile_path={log}",
        "--web.listen-address=127.0.0.1:9154",
        *(f"--postfix.smtpd_service_label={label}" for label in _SMTPD),
        *(f"--postfix.cleanup_service_label={label}" for label in _CLEANUP),
    ),
    url="http://127.0.0.1:9154/metrics",
    counters=_HSN723_LINES,
    expected=(
        Expected("postfix_smtpd_connects_total", (Kind.CONNECTED,)),
        Expected("postfix_cleanup_messages_processed_total", (Kind.RECEIVED,)),
        Expected("postfix_qmgr_messages_removed_total", (Kind.REMOVED,)),
        *_attempts("postfix_smtp_messages_processed_total"),
    ),
)
_MTAIL: Final = Side(
    name=MTAIL,
    image=Image.PEERS,
    manner="whole",
    command=(
        *("mtail", "--progs=/etc/mtail/postfix.mtail", "--logs={log}"),
        *("--one_shot", "--one_shot_format=prometheus", "--logtostderr"),
    ),
    expected=(
        Expected("postfix_smtpd_connects_total", (Kind.CONNECTED,)),
        Expected("postfix_qmgr_messages_removed_total", (Kind.REMOVED,)),
        Expected("postfix_smtp_delivery_delay_seconds_count", _ATTEMPTS, {"stage": "transmission"}),
    ),
)
_OURS_EXPECTED: Final = (
    Expected(exporter.LOG_LINES.exposed, (), {"result": "parsed"}),
    *_attempts(exporter.DELIVERY_ATTEMPTS.exposed),
)
_OURS_ENVIRONMENT: Final = ("LOG_LEVEL=WARNING", "SMTP_RELAY_HOST=smtp.gmail.com")
METRICS: Final = Side(
    name="ours: metrics, causes, correlation",
    image=Image.OURS,
    manner="whole",
    command=("mail-exporter", "replay", "{log}", "--format", "exposition"),
    environment=_OURS_ENVIRONMENT,
    expected=_OURS_EXPECTED,
)
LEDGER: Final = Side(
    name="ours: and the ledger",
    image=Image.OURS,
    manner="follow",
    command=("env", "MAIL_LOG_FILE={log}", "mail-exporter", "run"),
    url="http://127.0.0.1:9154/metrics",
    counters=(exporter.LOG_LINES.exposed,),
    environment=_OURS_ENVIRONMENT,
    expected=_OURS_EXPECTED,
)
TRACED: Final = Side(
    name="ours: and every mail traced",
    image=Image.OURS,
    manner="follow",
    command=LEDGER.command,
    url=LEDGER.url,
    counters=LEDGER.counters,
    environment=(*LEDGER.environment, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"),
    expected=_OURS_EXPECTED,
    sink_port=4318,
    share=5,
)

SPEED: Final = (_HSN723, METRICS, _MTAIL, LEDGER, TRACED)
"""The order in every run."""
MEMORY: Final = (_HSN723, METRICS, LEDGER)
