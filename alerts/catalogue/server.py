"""Alerts about the mail server: down, restarts, certificate, attacks, disk space."""

from typing import Final

from alerts.model import Advice, Alert, Component, Group, Severity
from dashboards.boards import Board

DOWN: Final = Alert(
    name="MailServerDown",
    severity=Severity.CRITICAL,
    # Postfix's master process serves the queue listing, so a failure of this part alone means that Postfix is down.
    expr='max by (job) (mail_exporter_scrape_success{job="mail-exporter",part="queue"}) == 0',
    hold="2m",
    summary="The mail server does not answer",
    description="The exporter runs, but could not read the queue of Postfix for 2 minutes. No mail is received or "
    "delivered. Queued mail stays on its volume.",
    advice=Advice(
        "the container stopped, or it exits at the start because of a wrong setting.",
        "`docker ps -a --filter name=mail-server` and `docker logs --tail 20 mail-server`.",
    ),
    board=Board.SERVER,
    reason="2 minutes: an update takes less. Postfix's master process serves the queue listing; if the exporter itself "
    "is down, MailExporterDown fires.",
)

RESTARTING: Final = Alert(
    name="MailServerRestarting",
    severity=Severity.WARNING,
    expr='sum by (job) (increase(postfix_server_turns_total{job="mail-exporter",turn="started"}[30m])) >= 3',
    summary="The mail server restarts repeatedly",
    description='Postfix was started {{ $value | printf "%.0f" }} times in 30 minutes.',
    advice=Advice(
        "it runs out of memory, or it is restarted because its health check fails.",
        "`docker ps -a --filter name=mail-server` and `docker logs --since 30m mail-server`.",
    ),
    board=Board.SERVER,
    reason="3 starts: an update and a change of settings are two.",
)

FATAL: Final = Alert(
    name="MailServerFatal",
    severity=Severity.WARNING,
    expr='sum by (severity) (increase(postfix_log_complaints_total{job="mail-exporter",severity=~"fatal|panic"}[15m])) '
    "> 0",
    summary="Postfix logs {{ $labels.severity }} errors",
    description="Log lines of severity {{ $labels.severity }} in 15 minutes: "
    '{{ $value | printf "%.0f" }}. A daemon of '
    "Postfix failed.",
    advice=Advice(
        "a required file or setting is missing or wrong, or the disk is full.",
        "`docker exec mail-server grep -hE ' (fatal|panic): ' /var/log/mail/mail.log | tail`.",
    ),
    board=Board.SERVER,
    reason="One line: normal operation has none.",
    silenced_by=("MailServerDown",),
)

CERTIFICATE: Final = Alert(
    name="MailCertificateExpiring",
    severity=Severity.WARNING,
    expr='min by (job) (postfix_tls_certificate_expiry_timestamp_seconds{job="mail-exporter"}) - time() < 14d',
    summary="The certificate of the mail server expires soon or has expired",
    description="The certificate of ports 587 and 25 expires in {{ $value | humanizeDuration }} (negative: it has "
    "expired). Mail programs do not log in with an expired certificate.",
    advice=Advice(
        "the renewal failed, or the server did not reload the new certificate.",
        "copy the new certificate to TLS_CERT_FILE and TLS_KEY_FILE, then `docker restart mail-server`.",
    ),
    board=Board.SERVER,
    reason="14 days: renewals begin 30 days before expiry, so they have failed for two weeks.",
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
    summary="Failed logins on {{ $labels.entry }}: possible password attack",
    description='{{ $value | printf "%.0f" }} logins failed on {{ $labels.entry }} in 15 minutes.',
    advice=Advice(
        "a bot tries passwords, or a mail program has an old password (api: a website has a revoked key).",
        "`docker exec mail-server grep 'authentication failed' /var/log/mail/mail.log | tail` shows the addresses; "
        "block them at the firewall, or stop publishing port 587.",
    ),
    board=Board.SERVER,
    reason="20: a mail program with an old password retries every few minutes, a bot more often.",
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
    summary="Open-relay attempts on {{ $labels.entry }}",
    description='{{ $value | printf "%.0f" }} attempts on {{ $labels.entry }} in an hour to send to recipients that '
    "are not allowed. All were rejected.",
    advice=Advice(
        "a bot searches for an open relay, or (api) a website sends to a recipient not in ALLOWED_RECIPIENTS.",
        "none if the attempts stop; otherwise find the address in the log and block it.",
    ),
    board=Board.SERVER,
    reason="20 an hour: a port that is open to the internet has some attempts every day.",
)

FILLING: Final = Alert(
    name="MailVolumeFilling",
    severity=Severity.WARNING,
    expr="""disk:mail_volume_free:ratio < 0.4
and (disk:mail_volume_free:ratio < 0.15 or predict_linear(disk:mail_volume_free:ratio[6h], 1d) < 0)""",
    hold="15m",
    summary="Low disk space: {{ $value | humanizePercentage }} of the disk with {{ $labels.disk }} is free",
    description="{{ $value | humanizePercentage }} of the disk with {{ $labels.disk }} is free, or will be used up "
    "within a day.",
    advice=Advice(
        "often not mail: images, logs of other containers, backups.",
        "`docker system df` and `df -h` show what uses it; `docker exec mail-server du -sh /var/spool/postfix "
        "/var/log/mail`.",
    ),
    board=Board.SERVER,
    reason="15 % free, or less than 40 % free and used up within a day at the rate of the last 6 hours.",
    silenced_by_same=("MailVolumeFull",),
    same=("disk",),
)

FULL: Final = Alert(
    name="MailVolumeFull",
    severity=Severity.CRITICAL,
    expr='min by (disk) (mail_volume_free_bytes{job="mail-exporter"}) < 250e6',
    hold="2m",
    summary="The disk with {{ $labels.disk }} is full",
    description="{{ $value | humanize }}B are free on the disk with {{ $labels.disk }}. Postfix rejects new mail, or "
    "the log or the ledger cannot be written.",
    advice=Advice(
        "often not mail: images, logs of other containers, backups.",
        "free disk space: `docker system df` and `df -h` show what uses it; `docker image prune` removes old images.",
    ),
    board=Board.SERVER,
    reason="250 MB: ten mails of the maximum size; Postfix rejects mail below 1.5 times that size (queue_minfree).",
)

FORWARD_LIMIT: Final = Alert(
    name="MailForwardLimitNear",
    severity=Severity.WARNING,
    expr="""increase(postfix_forward_limit_used_recipients_total{job="mail-exporter"}[1d])
/ (postfix_forward_limit_recipients{job="mail-exporter"} > 0) >= 0.8""",
    summary="{{ $value | humanizePercentage }} of the limit of forwarded mail is used",
    description="Of FORWARD_DAILY_LIMIT, {{ $value | humanizePercentage }} was used in 24 hours. At 100 % the public "
    "port answers 450 to all mail for MAIL_DOMAIN.",
    advice=Advice(
        "more mail than usual from outside, often spam.",
        "raise FORWARD_DAILY_LIMIT, or forward fewer addresses (FORWARD_RECIPIENTS).",
    ),
    board=Board.SERVER,
    reason="80 %: at the default limit, 20 more mails can be forwarded.",
    silenced_by=("MailServerDown",),
)

GROUP: Final = Group(
    Component.SERVER,
    "The mail server: process, disk space, logins",
    (DOWN, RESTARTING, FATAL, CERTIFICATE, BRUTE_FORCE, ABUSE, FILLING, FULL, FORWARD_LIMIT),
)
