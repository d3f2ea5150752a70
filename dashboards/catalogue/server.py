"""Mail server: queues, delivery attempts, latency, connections and logins, disk space."""

from typing import Final

from dashboards import expressions as ask
from dashboards import shared
from dashboards.boards import Board
from dashboards.logql import lines_of_postfix
from dashboards.model import Column, Heading, Kind, Lines, Metrics, Page, Panel, Shelf, Unit
from dashboards.thresholds import above, below, limit
from mail_telemetry.names import Stage

_STAGE_NAMES: Final = {
    Stage.BEFORE_QUEUE_MANAGER.value: "Before queue manager",
    Stage.QUEUE_MANAGER.value: "Queue manager",
    Stage.CONNECTION_SETUP.value: "Connection setup",
    Stage.TRANSMISSION.value: "Transmission",
}

_CERTIFICATE: Final = Panel(
    Kind.STAT,
    "Certificate expires in",
    "Remaining validity of the certificate of ports 587 and 25. Good: weeks. Under 14 days the renewal has failed: "
    "copy the new certificate to TLS_CERT_FILE and TLS_KEY_FILE, and restart the mail server.",
    (Metrics(ask.CERTIFICATE),),
    unit=Unit.SECONDS,
    idle="No certificate on port 587",
    steps=below(limit("MailCertificateExpiring")),
    decimals=0,
)
_ROOM: Final = Panel(
    Kind.STAT,
    "Least free disk space",
    "Free share of the fullest disk that holds log, ledger or spool. Good: above 15 %. If less, `docker system df` "
    "shows what uses the space. Below 250 MB Postfix soon rejects mail.",
    (Metrics(ask.ROOM),),
    unit=Unit.SHARE,
    idle="No volume is mounted in the exporter",
    steps=below(limit("MailVolumeFilling", 1)),
    decimals=0,
)
_TURNS: Final = Panel(
    Kind.STAT,
    "Postfix starts",
    "Number of Postfix starts in this time range. Good: only your own restarts. Three in half an hour fire an alert: "
    "`docker logs mail-server` shows why it stops.",
    (Metrics(ask.STARTS),),
    idle="No data from the exporter",
    decimals=0,
)
_QUEUES: Final = Panel(
    Kind.SERIES,
    "Mails by queue",
    "Good: empty, or `active` for seconds. `deferred` mails wait for a retry: see the causes. `hold` mails wait until "
    "they are released with `docker exec mail-server postsuper -H ALL`.",
    (Metrics(ask.QUEUES, "{{queue}}"),),
    idle="No data from the exporter",
    decimals=0,
)
_AGES: Final = Panel(
    Kind.SERIES,
    "Oldest mail by queue",
    "Age of the oldest mail in each queue. Good: 0, or seconds. A line that rises steadily is a mail that is not "
    "delivered.",
    (Metrics(ask.QUEUE_AGES, "{{queue}}"),),
    unit=Unit.SECONDS,
    idle="No data from the exporter",
)
_BYTES: Final = Panel(
    Kind.SERIES,
    "Bytes by queue",
    "Good: 0, or the mails in transit. Postfix rejects mail when the free disk space is less than 1.5 times "
    "MESSAGE_SIZE_LIMIT.",
    (Metrics(ask.QUEUE_BYTES, "{{queue}}"),),
    unit=Unit.BYTES,
    idle="No data from the exporter",
)
_DEFERRED: Final = Panel(
    Kind.SERIES,
    "Deferred mails by cause",
    "Mails that wait for a retry. Good: none. The table below has the next step for each cause.",
    (Metrics(ask.DEFERRED, "{{cause}}"),),
    idle="No data from the exporter",
    decimals=0,
)
_DEFERRED_AGES: Final = Panel(
    Kind.SERIES,
    "Oldest deferred mail by cause",
    "Age of the oldest deferred mail. Good: 0. Above the dashed lines (half an hour, a day) alerts fire. After "
    "MAXIMAL_QUEUE_LIFETIME the mail is returned to the sender.",
    (Metrics(ask.DEFERRED_AGES, "{{cause}}"),),
    unit=Unit.SECONDS,
    idle="No data from the exporter",
    steps=above(limit("MailQueueOldestTooOld"), limit("MailQueueStuck")),
    limits=True,
)
_ATTEMPTS: Final = Panel(
    Kind.SERIES,
    "Attempts by status and relay",
    "Delivery attempts; each recipient and each retry counts. Good: `sent` with the name of the relay. `none`: the "
    "relay was not reached. `local`: a delivery agent of this server.",
    (Metrics(ask.ATTEMPTS, "{{status}} {{relay}}"),),
    idle="No delivery attempt in this time range",
    bars=True,
    decimals=0,
)
_FAILURES: Final = Panel(
    Kind.SERIES,
    "Failed attempts by cause",
    "Delivery attempts that the relay did not accept. Good: none, or single attempts that a retry solved.",
    (Metrics(ask.FAILURES, "{{cause}}"),),
    idle="No attempt failed in this time range",
    bars=True,
    decimals=0,
)
_SUSPENDED: Final = Panel(
    Kind.SERIES,
    "Suspended deliveries by cause",
    "Attempts that Postfix skipped because the destination had just failed. Good: none. These mails have no error of "
    "their own and are sent when the destination accepts mail again.",
    (Metrics(ask.SUSPENDED, "{{cause}}"),),
    idle="No delivery was suspended in this time range",
    bars=True,
    decimals=0,
)
_STAGES: Final = Panel(
    Kind.SERIES,
    "Mean latency by stage",
    "Mean time of each of Postfix's four stages of a delivery attempt. Good: each under a second. Before queue "
    "manager, queue manager: load on this server or RELAY_RATE_DELAY. Connection setup: DNS, network, TLS, login. "
    "Transmission: the relay is slow.",
    (Metrics(ask.STAGE_MEANS, "{{stage}}"),),
    unit=Unit.SECONDS,
    idle="No delivery attempt in this time range",
    names=_STAGE_NAMES,
)
_SLOWEST: Final = Panel(
    Kind.STAT,
    "p95 by stage",
    "95 % of the delivery attempts in this time range are faster than this, for each stage. Good: under a second "
    "each. Start with the largest.",
    (Metrics(ask.STAGE_SLOWEST, "{{stage}}"),),
    unit=Unit.SECONDS,
    idle="No delivery attempt in this time range",
    names=_STAGE_NAMES,
    decimals=2,
    named=True,
)
_TIMES: Final = Panel(
    Kind.HEATMAP,
    "Delivery time",
    "Time from the arrival of a mail until the relay accepts it. Good: all below 5 minutes; longer times include "
    "retries. Each dot is a mail: a click opens its trace.",
    (Metrics(ask.DELIVERY_TIMES, "{{le}}"),),
    unit=Unit.SECONDS,
    idle="No mail was delivered in this time range",
)
_CONNECTIONS: Final = Panel(
    Kind.SERIES,
    "Connections by listener",
    "SMTP connections without health checks. Good: `internal` from your containers. `public` and `submission` are "
    "open to the internet; connections from bots are normal there.",
    (Metrics(ask.CONNECTIONS, "{{entry}}"),),
    idle="No data from the exporter",
    bars=True,
    decimals=0,
)
_REJECTS: Final = Panel(
    Kind.SERIES,
    "Rejected connections",
    "Rejections of SMTP clients, by reason. Good: some bots on `public`. Rejections of your own containers "
    "(`internal` in the table) are configuration errors.",
    (Metrics(ask.REJECTS, "{{reason}}"),),
    idle="No connection was rejected in this time range",
    bars=True,
    decimals=0,
)
_REJECTED: Final = Panel(
    Kind.TABLE,
    "Rejections by listener",
    "Rejections of SMTP clients in this time range. Good: only bots on `public`.",
    (Metrics(ask.REJECTED, now=True),),
    idle="No connection was rejected in this time range",
    columns=(
        Column("entry", "Listener", width=100),
        Column("reason", "Reason"),
        Column("Value", "Count", width=80, unit=Unit.COUNT),
    ),
)
_LOGINS: Final = Panel(
    Kind.SERIES,
    "Failed logins by listener",
    "Good: none, or single ones. 20 in 15 minutes fire an alert: the log shows the addresses; block them.",
    (Metrics(ask.LOGINS_FAILED, "{{entry}}"),),
    idle="No data from the exporter",
    bars=True,
    decimals=0,
)
_ABORTED: Final = Panel(
    Kind.SERIES,
    "Connections closed early",
    "SMTP sessions that ended without QUIT: `lost`, `timeout`, `errors`, and the verdicts of postscreen. Good: few. "
    "Many on `internal`: the timeout of a client is too short.",
    (Metrics(ask.ABORTED, "{{how}}"), Metrics(ask.SCREENED, "postscreen {{verdict}}")),
    idle="No data from the exporter",
    bars=True,
    decimals=0,
)
_TLS: Final = Panel(
    Kind.SERIES,
    "TLS sessions",
    "Good: outbound `Verified` or `Trusted`, TLSv1.3 or TLSv1.2. `Untrusted` outbound: TLS_VERIFY is off, or the "
    "certificate of the relay is not valid.",
    (Metrics(ask.TLS_SESSIONS, "{{direction}} {{protocol}} {{trust}}"),),
    idle="No TLS session in this time range",
    bars=True,
    decimals=0,
)
_FORWARDED: Final = Panel(
    Kind.SERIES,
    "Forwarded mail by outcome",
    "Mail to MAIL_DOMAIN that was forwarded to FORWARD_EMAIL. Good: `sent`. `bounced`: the mailbox provider rejects "
    "it, often as spam; it still uses quota.",
    (Metrics(ask.FORWARDED, "{{outcome}}"),),
    idle="No mail was forwarded in this time range",
    bars=True,
    decimals=0,
)
_NOTICES: Final = Panel(
    Kind.SERIES,
    "Postfix notifications",
    "Mails that Postfix generated: `failure` is a bounce, `delay` a warning to the sender, `postmaster` a "
    "notification to the operator. Good: none.",
    (Metrics(ask.NOTICES, "{{kind}}"),),
    idle="No data from the exporter",
    bars=True,
    decimals=0,
)
_SIZES: Final = Panel(
    Kind.HEATMAP,
    "Mail size",
    "Size of the received mails. Good: kilobytes. MESSAGE_SIZE_LIMIT is the maximum; Gmail accepts 25 MB.",
    (Metrics(ask.SIZES, "{{le}}"),),
    unit=Unit.BYTES,
    idle="No mail in this time range",
)
_VOLUMES: Final = Panel(
    Kind.SERIES,
    "Free disk space by volume",
    "Free bytes on the disks of log, ledger and spool. Good: flat, above the dashed line (250 MB).",
    (Metrics(ask.VOLUME_BYTES, "{{disk}}"),),
    unit=Unit.BYTES,
    idle="No volume is mounted in the exporter",
    steps=below(limit("MailVolumeFull")),
    limits=True,
)
_COMPLAINTS: Final = Panel(
    Kind.SERIES,
    "Postfix warnings by severity",
    "Log lines of Postfix with a severity. Good: few warnings. `fatal` or `panic` fires an alert: a daemon failed; "
    "the log below shows the reason.",
    (Metrics(ask.COMPLAINTS, "{{severity}}"),),
    idle="No data from the exporter",
    bars=True,
    decimals=0,
)
_LOG: Final = Panel(
    Kind.LOGS,
    "Postfix log: warnings and errors",
    "Lines of `docker logs mail-server` with masked addresses. Good: few. If a line has a queue id, paste it into the "
    "message trail.",
    (Lines(lines_of_postfix("warning|error|fatal|panic")),),
    idle="Postfix logged no warning in this time range",
)

PAGE: Final = Page(
    Board.SERVER,
    "Mail server",
    "Postfix: queues, delivery attempts, latency, connections and logins, disk space.",
    (
        Shelf(
            4,
            (
                (4, shared.SERVER_STATE),
                (4, shared.WAITING),
                (4, shared.OLDEST),
                (4, _ROOM),
                (4, _CERTIFICATE),
                (4, _TURNS),
            ),
        ),
        Heading("Queues"),
        Shelf(7, ((8, _QUEUES), (8, _AGES), (8, _BYTES))),
        Shelf(7, ((12, _DEFERRED), (12, _DEFERRED_AGES))),
        Heading("Delivery attempts"),
        Shelf(7, ((24, shared.CAUSES_TABLE),)),
        Shelf(7, ((8, _ATTEMPTS), (8, _FAILURES), (8, _SUSPENDED))),
        Heading("Latency"),
        Shelf(8, ((9, _STAGES), (6, _SLOWEST), (9, _TIMES))),
        Heading("Connections and logins"),
        Shelf(7, ((8, _CONNECTIONS), (8, _REJECTS), (8, _REJECTED))),
        Shelf(7, ((8, _LOGINS), (8, _ABORTED), (8, _TLS))),
        Heading("Forwarding, notifications, size"),
        Shelf(7, ((8, _FORWARDED), (8, _NOTICES), (8, _SIZES))),
        Heading("Disk space and log"),
        Shelf(7, ((12, _VOLUMES), (12, _COMPLAINTS))),
        Shelf(8, ((24, _LOG),)),
    ),
)
