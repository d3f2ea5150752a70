"""Mail server: queues, delivery attempts, latency, connections and logins, disk space."""

from typing import Final

from dashboards import expressions as ask
from dashboards.boards import Board
from dashboards.catalogue import common
from dashboards.colours import (
    CAUSES,
    CLOSED_EARLY,
    ENTRIES,
    GREY,
    LOG_SEVERITIES,
    NOTICES,
    OUTCOMES,
    QUEUES,
    REJECT_REASONS,
    STAGE_NAMES,
    STAGES,
    STATUSES,
    TLS_TRUST,
)
from dashboards.logql import lines_of_postfix
from dashboards.model import (
    Column,
    Fallback,
    Heading,
    Kind,
    Lines,
    Metrics,
    Origin,
    Page,
    Panel,
    Shelf,
    Unit,
)
from dashboards.thresholds import above, below, limit

_CERTIFICATE: Final = Panel(
    Kind.STAT,
    "Certificate ends in",
    "Remaining validity of the certificate of ports 587 and 25. Good: weeks. Under 14 days the renewal has failed: "
    "copy the new certificate to TLS_CERT_FILE and TLS_KEY_FILE, and restart the mail server.",
    (Metrics(ask.CERTIFICATE),),
    unit=Unit.SECONDS,
    fallbacks=(Fallback("No TLS on port 587", ask.part_is_read("certificate"), GREY),),
    steps=below(limit("MailCertificateExpiring")),
    decimals=0,
)
_ROOM: Final = Panel(
    Kind.STAT,
    "Free disk space",
    "Free share of the fullest disk that holds log, ledger or spool. Good: above 15 %. If less, `docker system df` "
    "shows what uses the space. Below 250 MB Postfix soon rejects mail.",
    (Metrics(ask.ROOM),),
    unit=Unit.SHARE,
    fallbacks=(Fallback("No volume is mounted", ask.part_is_read("volumes"), GREY),),
    steps=below(limit("MailVolumeFilling", 1)),
    decimals=0,
)
_TURNS: Final = Panel(
    Kind.STAT,
    "Postfix starts",
    "Number of Postfix starts in this time range. Good: only your own restarts. Three in half an hour fire an alert: "
    "`docker logs mail-server` shows why it stops.",
    (Metrics(ask.STARTS),),
    decimals=0,
)
_QUEUES: Final = Panel(
    Kind.SERIES,
    "Mails by queue",
    "Good: empty, or `active` for seconds. `deferred` mails wait for a retry: see the causes. `hold` mails wait until "
    "they are released with `docker exec mail-server postsuper -H ALL`.",
    (Metrics(ask.QUEUES, "{{queue}}", by=("queue",), occurred=ask.QUEUES_USED),),
    fallbacks=common.none("queue empty"),
    colours=QUEUES,
    decimals=0,
)
_AGES: Final = Panel(
    Kind.SERIES,
    "Oldest mail by queue",
    "Age of the oldest mail in each queue. Good: 0, or less than a minute. A line that rises steadily is a mail that "
    "is not delivered.",
    (Metrics(ask.QUEUE_MINUTES, "{{queue}}", by=("queue",), occurred=ask.QUEUES_USED),),
    fallbacks=common.none("queue empty"),
    colours=QUEUES,
    unit=Unit.MINUTES,
)
_BYTES: Final = Panel(
    Kind.SERIES,
    "Bytes by queue",
    "Good: 0, or the mails in transit. Postfix rejects mail when the free disk space is less than 1.5 times "
    "MESSAGE_SIZE_LIMIT.",
    (Metrics(ask.QUEUE_BYTES, "{{queue}}", by=("queue",), occurred=ask.QUEUES_USED),),
    fallbacks=common.none("queue empty"),
    colours=QUEUES,
    unit=Unit.BYTES,
)
_DEFERRED: Final = Panel(
    Kind.SERIES,
    "Deferred mails by cause",
    "Mails that wait for a retry. Good: none. The table below has the next step for each cause.",
    (Metrics(ask.DEFERRED, "{{cause}}", by=("cause",), occurred=ask.DEFERRED_CAUSES),),
    fallbacks=common.none("no mail deferred"),
    colours=CAUSES,
    decimals=0,
)
_DEFERRED_AGES: Final = Panel(
    Kind.SERIES,
    "Oldest deferred mail by cause",
    "Age of the oldest deferred mail. Good: 0. Above the dashed lines (half an hour, a day) alerts fire. After "
    "MAXIMAL_QUEUE_LIFETIME the mail is returned to the sender.",
    (Metrics(ask.DEFERRED_HOURS, "{{cause}}", by=("cause",), occurred=ask.DEFERRED_CAUSES),),
    fallbacks=common.none("no mail deferred"),
    colours=CAUSES,
    unit=Unit.HOURS,
    steps=above(limit("MailQueueOldestTooOld").per(3600), limit("MailQueueStuck").per(3600)),
    limits=True,
)
_ATTEMPTS: Final = Panel(
    Kind.SERIES,
    "Attempts by status and relay",
    "Delivery attempts; each recipient and each retry counts. Good: `sent` with the name of the relay. `none`: the "
    "relay was not reached. `local`: a delivery agent of this server.",
    (
        Metrics(
            ask.ATTEMPTS,
            "{{status}} {{relay}}",
            by=(
                "status",
                "relay",
            ),
            occurred=ask.ATTEMPT_KINDS,
        ),
    ),
    fallbacks=common.none("no delivery attempt"),
    colours=STATUSES,
    bars=True,
    decimals=0,
)
_FAILURES: Final = Panel(
    Kind.SERIES,
    "Failed attempts by cause",
    "Delivery attempts that the relay did not accept. Good: none, or single attempts that a retry solved.",
    (Metrics(ask.FAILURES, "{{cause}}", by=("cause",), occurred=ask.FAILURE_CAUSES),),
    fallbacks=common.none("no attempt failed"),
    colours=CAUSES,
    bars=True,
    decimals=0,
)
_SUSPENDED: Final = Panel(
    Kind.SERIES,
    "Suspended deliveries by cause",
    "Attempts that Postfix skipped because the destination had just failed. Good: none. These mails have no error of "
    "their own and are sent when the destination accepts mail again.",
    (Metrics(ask.SUSPENDED, "{{cause}}", by=("cause",), occurred=ask.SUSPENDED_CAUSES),),
    fallbacks=common.none("no delivery suspended"),
    colours=CAUSES,
    bars=True,
    decimals=0,
)
_STAGES: Final = Panel(
    Kind.SERIES,
    "Mean latency by stage",
    "Mean time of each of Postfix's four stages of a delivery attempt. Good: each under a second. Before queue "
    "manager, queue manager: load on this server or RELAY_RATE_DELAY. Connection setup: DNS, network, TLS, login. "
    "Transmission: the relay is slow.",
    (Metrics(ask.STAGE_MEANS, "{{stage}}", by=("stage",), occurred=ask.STAGES_SEEN),),
    unit=Unit.SECONDS,
    fallbacks=common.none("no delivery attempt"),
    names=STAGE_NAMES,
    colours=STAGES,
)
_SLOWEST: Final = Panel(
    Kind.BAR_GAUGE,
    "p95 by stage",
    "95 % of the delivery attempts in this time range are faster than this, for each stage. Good: under a second "
    "each. Start with the largest.",
    (Metrics(ask.STAGE_SLOWEST, "{{stage}}"),),
    unit=Unit.SECONDS,
    fallbacks=common.none("No attempt"),
    names=STAGE_NAMES,
    colours=STAGES,
    decimals=2,
    minimum=0,
)
_TIMES: Final = Panel(
    Kind.HEATMAP,
    "Delivery time",
    "Time from the arrival of a mail until the relay accepts it. Good: all below 5 minutes; longer times include "
    "retries. Each dot is a mail: a click opens its trace.",
    (Metrics(ask.DELIVERY_TIMES, "{{le}}", occurred=ask.DELIVERIES_SEEN),),
    empty=common.NOTHING_MEASURED,
    unit=Unit.SECONDS,
)
_CONNECTIONS: Final = Panel(
    Kind.SERIES,
    "Connections by listener",
    "SMTP connections without health checks. Good: `internal` from your containers. `public` and `submission` are "
    "open to the internet; connections from bots are normal there.",
    (Metrics(ask.CONNECTIONS, "{{entry}}", by=("entry",), occurred=ask.CONNECTION_ENTRIES),),
    fallbacks=common.none("no connection"),
    colours=ENTRIES,
    bars=True,
    decimals=0,
)
_REJECTS: Final = Panel(
    Kind.SERIES,
    "Rejected connections",
    "Rejections of SMTP clients, by reason. Good: some bots on `public`. Rejections of your own containers "
    "(`internal` in the table) are configuration errors.",
    (Metrics(ask.REJECTS, "{{reason}}", by=("reason",), occurred=ask.REJECT_REASONS),),
    fallbacks=common.none("no connection rejected"),
    colours=REJECT_REASONS,
    bars=True,
    decimals=0,
)
_REJECTED: Final = Panel(
    Kind.TABLE,
    "Rejections by listener",
    "Rejections of SMTP clients in this time range. Good: only bots on `public`.",
    (Metrics(ask.REJECTED, now=True),),
    fallbacks=common.none("No connection rejected"),
    fallback_column="reason",
    sort="-Value",
    columns=(
        Column("entry", "Listener", width=100),
        Column("reason", "Reason"),
        Column("Value", "Count", width=70, unit=Unit.NUMBER),
    ),
)
_LOGINS: Final = Panel(
    Kind.SERIES,
    "Failed logins by listener",
    "Good: none, or single ones. 20 in 15 minutes fire an alert: the log shows the addresses; block them.",
    (Metrics(ask.LOGINS_FAILED, "{{entry}}", by=("entry",), occurred=ask.LOGIN_ENTRIES),),
    fallbacks=common.none("no login failed"),
    colours=ENTRIES,
    bars=True,
    decimals=0,
)
_ABORTED: Final = Panel(
    Kind.SERIES,
    "Connections closed early",
    "SMTP sessions that ended without QUIT: `lost`, `timeout`, `errors`, and the verdicts of postscreen. Good: few. "
    "Many on `internal`: the timeout of a client is too short.",
    (
        Metrics(ask.ABORTED, "{{how}}", by=("how",), occurred=ask.ABORTED_HOW),
        Metrics(ask.SCREENED, "postscreen {{verdict}}", by=("verdict",), occurred=ask.SCREENED_VERDICTS),
    ),
    fallbacks=common.none("all sessions ended with QUIT"),
    colours=CLOSED_EARLY,
    bars=True,
    decimals=0,
)
_TLS: Final = Panel(
    Kind.SERIES,
    "TLS sessions",
    "Good: outbound `Verified` or `Trusted`, TLSv1.3 or TLSv1.2. `Untrusted` outbound: TLS_VERIFY is off, or the "
    "certificate of the relay is not valid.",
    (
        Metrics(
            ask.TLS_SESSIONS,
            "{{trust}} {{direction}} {{protocol}}",
            by=(
                "direction",
                "protocol",
                "trust",
            ),
            occurred=ask.TLS_KINDS,
        ),
    ),
    fallbacks=common.none("no TLS session"),
    colours=TLS_TRUST,
    bars=True,
    decimals=0,
)
_FORWARDED: Final = Panel(
    Kind.SERIES,
    "Forwarded mail by outcome",
    "Mail to MAIL_DOMAIN that was forwarded to FORWARD_EMAIL. Good: `sent`. `bounced`: the mailbox provider rejects "
    "it, often as spam; it still uses quota.",
    (Metrics(ask.FORWARDED, "{{outcome}}", by=("outcome",), occurred=ask.FORWARDED_OUTCOMES),),
    fallbacks=common.none("no mail forwarded"),
    colours=OUTCOMES,
    bars=True,
    decimals=0,
)
_NOTICES: Final = Panel(
    Kind.SERIES,
    "Postfix notifications",
    "Mails that Postfix generated: `failure` is a bounce, `delay` a warning to the sender, `postmaster` a "
    "notification to the operator. Good: none.",
    (Metrics(ask.NOTICES, "{{kind}}", by=("kind",), occurred=ask.NOTICE_KINDS),),
    fallbacks=common.none("no notification"),
    colours=NOTICES,
    bars=True,
    decimals=0,
)
_SIZES: Final = Panel(
    Kind.HEATMAP,
    "Mail size",
    "Size of the received mails. Good: kilobytes. MESSAGE_SIZE_LIMIT is the maximum; Gmail accepts 25 MB.",
    (Metrics(ask.SIZES, "{{le}}", occurred=ask.SIZES_SEEN),),
    empty=common.NOTHING_MEASURED,
    unit=Unit.BYTES,
)
_VOLUMES: Final = Panel(
    Kind.SERIES,
    "Free share by disk",
    "Free share of the disks on which log, ledger and spool lie. Good: flat, above the dashed line. Below 250 MB "
    "Postfix soon rejects mail.",
    (Metrics(ask.VOLUMES, "{{disk}}"),),
    unit=Unit.SHARE,
    fallbacks=(Fallback("no volume is mounted", ask.part_is_read("volumes"), value=1),),
    steps=below(limit("MailVolumeFilling", 1)),
    limits=True,
    minimum=0,
    maximum=1,
)
_COMPLAINTS: Final = Panel(
    Kind.SERIES,
    "Postfix warnings by severity",
    "Log lines of Postfix with a severity. Good: few warnings. `fatal` or `panic` fires an alert: a daemon failed; "
    "the log below shows the reason.",
    (Metrics(ask.COMPLAINTS, "{{severity}}", by=("severity",), occurred=ask.COMPLAINT_SEVERITIES),),
    fallbacks=common.none("no warning"),
    colours=LOG_SEVERITIES,
    bars=True,
    decimals=0,
)
_LOG: Final = Panel(
    Kind.LOGS,
    "Postfix log: warnings and errors",
    "Lines of `docker logs mail-server` with masked addresses. Good: few. If a line has a queue id, paste it into the "
    "message trail.",
    (Lines(lines_of_postfix("warning|error|fatal|panic")),),
    origin=Origin.LOKI,
    empty="Postfix logged no warning in this time range",
)

PAGE: Final = Page(
    Board.SERVER,
    "Mail server",
    "Postfix: queues, delivery attempts, latency, connections and logins, disk space.",
    (
        Shelf(4, ((8, common.SERVER_STATE), (8, common.WAITING), (8, common.OLDEST))),
        Shelf(4, ((8, _ROOM), (8, _CERTIFICATE), (8, _TURNS))),
        Heading("Queues"),
        Shelf(7, ((8, _QUEUES), (8, _AGES), (8, _BYTES))),
        Shelf(7, ((12, _DEFERRED), (12, _DEFERRED_AGES))),
        Heading("Delivery attempts"),
        Shelf(8, ((24, common.CAUSES_TABLE),)),
        Shelf(7, ((8, _ATTEMPTS), (8, _FAILURES), (8, _SUSPENDED))),
        Heading("Latency"),
        Shelf(8, ((8, _STAGES), (8, _SLOWEST), (8, _TIMES))),
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
