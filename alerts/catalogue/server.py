"""What can be wrong with the mail server itself, and who tries to get in."""

from typing import Final

from alerts.model import Advice, Alert, Component, Group, Severity
from dashboards.boards import Board

DOWN: Final = Alert(
    name="MailServerDown",
    severity=Severity.CRITICAL,
    # Postfix's master process itself offers the queue's listing, and the exporter says that it is well otherwise.
    expr='max by (job) (mail_exporter_scrape_success{job="mail-exporter",part="queue"}) == 0',
    hold="2m",
    summary="The mail server does not answer",
    description="The exporter runs and has not been able to read Postfix's queue for 2 minutes: no mail comes in or "
    "goes out. What is queued stays on its volume.",
    advice=Advice(
        "the container stopped, or a setting is wrong and it ends at its start.",
        "`docker ps -a --filter name=mail-server` and `docker logs --tail 20 mail-server`.",
    ),
    board=Board.SERVER,
    reason="Two minutes: a new version is up in less. The queue's listing is served by Postfix's master process, so "
    "it tells a dead server from a dead exporter (MailExporterDown).",
)

RESTARTING: Final = Alert(
    name="MailServerRestarting",
    severity=Severity.WARNING,
    expr='sum by (job) (increase(postfix_server_turns_total{job="mail-exporter",turn="started"}[30m])) >= 3',
    summary="The mail server starts again and again",
    description='Postfix was started {{ $value | printf "%.0f" }} times in 30 minutes.',
    advice=Advice(
        "it runs out of memory, or its health check fails and something restarts it.",
        "`docker ps -a --filter name=mail-server` and `docker logs --since 30m mail-server`.",
    ),
    board=Board.SERVER,
    reason="Three: an update and a correction of its settings are two.",
)

FATAL: Final = Alert(
    name="MailServerFatal",
    severity=Severity.WARNING,
    expr='sum by (severity) (increase(postfix_log_complaints_total{job="mail-exporter",severity=~"fatal|panic"}[15m])) '
    "> 0",
    summary="A part of Postfix gave up: {{ $labels.severity }}",
    description="Lines of severity {{ $labels.severity }} in 15 minutes: "
    '{{ $value | printf "%.0f" }}. A daemon cannot do '
    "its work.",
    advice=Advice(
        "a file or setting that it needs is missing or wrong, or the disk is full.",
        "`docker exec mail-server grep -hE ' (fatal|panic): ' /var/log/mail/mail.log | tail`.",
    ),
    board=Board.SERVER,
    reason="One is enough: in ordinary running there is none.",
    silenced_by=("MailServerDown",),
)

CERTIFICATE: Final = Alert(
    name="MailCertificateExpiring",
    severity=Severity.WARNING,
    expr='min by (job) (postfix_tls_certificate_expiry_timestamp_seconds{job="mail-exporter"}) - time() < 14d',
    summary="The mail server's certificate ends soon, or has ended",
    description="The certificate that ports 587 and 25 show ends in {{ $value | humanizeDuration }} (negative: it has "
    "ended); after that, mail programs refuse to log in.",
    advice=Advice(
        "its renewal failed, or the server was not told about the new one.",
        "put the new one where TLS_CERT_FILE and TLS_KEY_FILE point, then `docker restart mail-server`.",
    ),
    board=Board.SERVER,
    reason="14 days: renewals begin 30 days before the end, so two weeks of them have failed.",
)

BRUTE_FORCE: Final = Alert(
    name="MailAuthBruteForce",
    severity=Severity.WARNING,
    expr="""(
  sum by (entry) (increase(postfix_smtpd_auth_failures_total{job="mail-exporter"}[15m]))
  or label_replace(
    sum by (job) (increase(mail_api_invalid_keys_total{job="mail-api"}[15m])),
    "entry", "api", "job", ".*"
  )
) >= 20""",
    summary="Somebody guesses passwords or keys ({{ $labels.entry }})",
    description='{{ $value | printf "%.0f" }} logins failed at {{ $labels.entry }} in 15 minutes.',
    advice=Advice(
        "a robot tries passwords, or a mail program (api: a website with a revoked key) of yours has an old one.",
        "`docker exec mail-server grep 'authentication failed' /var/log/mail/mail.log | tail` shows the addresses; "
        "block them at the firewall, or stop publishing port 587.",
    ),
    board=Board.SERVER,
    reason="20: a mail program with an old password tries every few minutes, a robot more often.",
)

ABUSE: Final = Alert(
    name="MailRelayAbuseAttempts",
    severity=Severity.INFO,
    expr="""(
  sum by (entry) (increase(postfix_smtpd_rejects_total{job="mail-exporter",reason="relay_denied"}[1h]))
  or label_replace(
    sum by (job) (increase(mail_api_messages_total{job="mail-api",result="recipient_not_allowed"}[1h])),
    "entry", "api", "job", ".*"
  )
) >= 20""",
    summary="Somebody tries to send to strangers through us ({{ $labels.entry }})",
    description='{{ $value | printf "%.0f" }} attempts at {{ $labels.entry }} in an hour to reach recipients that are '
    "not ours. All were refused.",
    advice=Advice(
        "a robot looks for an open relay; or (api) a website of yours writes to somebody not in ALLOWED_RECIPIENTS.",
        "nothing, if it ends by itself; else find the address in the log and block it.",
    ),
    board=Board.SERVER,
    reason="20 an hour: a port that is open to the internet is tried now and then every day.",
)

FILLING: Final = Alert(
    name="MailVolumeFilling",
    severity=Severity.WARNING,
    expr="""volume:mail_volume_free:ratio < 0.4
and (volume:mail_volume_free:ratio < 0.15 or predict_linear(volume:mail_volume_free:ratio[6h], 1d) < 0)""",
    hold="15m",
    summary="The disk of the mail {{ $labels.volume }} fills up",
    description="{{ $value | humanizePercentage }} of the disk on which the mail {{ $labels.volume }} lies are free, "
    "or will not be in a day.",
    advice=Advice(
        "often not mail at all: images, logs of other containers, backups.",
        "`docker system df` and `df -h` show who; `docker exec mail-server du -sh /var/spool/postfix /var/log/mail`.",
    ),
    board=Board.SERVER,
    reason="15 % free, or a day left at the rate of the last six hours when less than 40 % is free.",
    silenced_by_same=("MailVolumeFull",),
    same=("volume",),
)

FULL: Final = Alert(
    name="MailVolumeFull",
    severity=Severity.CRITICAL,
    expr='min by (volume) (mail_volume_free_bytes{job="mail-exporter"}) < 250e6',
    hold="2m",
    summary="The disk of the mail {{ $labels.volume }} is full",
    description="{{ $value | humanize1024 }}B are free where the mail {{ $labels.volume }} lies: Postfix refuses new "
    "mail, the log or the ledger can no longer be written.",
    advice=Advice(
        "often not mail at all: images, logs of other containers, backups.",
        "make room: `docker system df` and `df -h` show who takes it; `docker image prune` gives back old images.",
    ),
    board=Board.SERVER,
    reason="250 MB: ten of the largest mails; Postfix stops taking mail at one and a half of them (queue_minfree).",
)

GROUP: Final = Group(
    Component.SERVER,
    "The mail server, its disk and its door",
    (DOWN, RESTARTING, FATAL, CERTIFICATE, BRUTE_FORCE, ABUSE, FILLING, FULL),
)
