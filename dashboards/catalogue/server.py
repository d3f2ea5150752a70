"""Mail server: what waits and why, whose slowness it is, who knocks at the door, and whether there is room."""

from typing import Final

from dashboards import expressions as ask
from dashboards import shared
from dashboards.boards import Board
from dashboards.logql import lines_of_postfix
from dashboards.model import Column, Heading, Kind, Lines, Metrics, Page, Panel, Shelf, Unit
from dashboards.thresholds import above, below, limit
from mail_telemetry.names import Stage

_STAGE_NAMES: Final = {
    Stage.BEFORE_QUEUE_MANAGER.value: "ours: receiving",
    Stage.QUEUE_MANAGER.value: "ours: waiting for an agent",
    Stage.CONNECTION_SETUP.value: "the network's: DNS, TCP, TLS, login",
    Stage.TRANSMISSION.value: "the relay's: taking the mail",
}

_CERTIFICATE: Final = Panel(
    Kind.STAT,
    "Certificate ends in",
    "The certificate that ports 587 and 25 show. Good: weeks. Under 14 days its renewal has failed: put the new one "
    "where TLS_CERT_FILE and TLS_KEY_FILE point, and restart the mail server.",
    (Metrics(ask.CERTIFICATE),),
    unit=Unit.SECONDS,
    idle="Port 587 shows none",
    steps=below(limit("MailCertificateExpiring")),
    decimals=0,
)
_ROOM: Final = Panel(
    Kind.STAT,
    "Least room on a volume",
    "Free share of the fullest of the volumes of log, ledger and spool. Good: above 15 %. Less: `docker system df` "
    "shows who takes it; at 250 MB Postfix soon refuses mail.",
    (Metrics(ask.ROOM),),
    unit=Unit.SHARE,
    idle="No volume is mounted for the exporter",
    steps=below(limit("MailVolumeFilling", 1)),
    decimals=0,
)
_TURNS: Final = Panel(
    Kind.STAT,
    "Starts in this time",
    "How often Postfix was started. Good: as often as you did it yourself. Three in half an hour is an alert: "
    "`docker logs mail-server` says why it ends.",
    (Metrics(ask.STARTS),),
    idle="No data from the exporter",
    decimals=0,
)
_QUEUES: Final = Panel(
    Kind.SERIES,
    "Mails by queue",
    "Good: empty, or `active` for seconds. `deferred` waits for another try: the causes are on the right. `hold` waits "
    "for you: `docker exec mail-server postsuper -H ALL` releases it.",
    (Metrics(ask.QUEUES, "{{queue}}"),),
    idle="No data from the exporter",
    decimals=0,
)
_AGES: Final = Panel(
    Kind.SERIES,
    "Oldest mail by queue",
    "Good: 0, or seconds. A line that rises steadily is a mail that does not leave.",
    (Metrics(ask.QUEUE_AGES, "{{queue}}"),),
    unit=Unit.SECONDS,
    idle="No data from the exporter",
)
_BYTES: Final = Panel(
    Kind.SERIES,
    "Bytes by queue",
    "Good: nothing, or what is on its way. Postfix stops taking mail when the disk has less free than one and a half "
    "of the largest mails.",
    (Metrics(ask.QUEUE_BYTES, "{{queue}}"),),
    unit=Unit.BYTES,
    idle="No data from the exporter",
)
_DEFERRED: Final = Panel(
    Kind.SERIES,
    "Waiting mails by cause",
    "Good: none. The cause says what to do: the table below has the next step for each.",
    (Metrics(ask.DEFERRED, "{{cause}}"),),
    idle="No data from the exporter",
    decimals=0,
)
_DEFERRED_AGES: Final = Panel(
    Kind.SERIES,
    "Oldest waiting mail by cause",
    "Good: 0. Above the dashed lines alerts fire, at half an hour and at a day; after MAXIMAL_QUEUE_LIFETIME the mail "
    "is returned to its sender.",
    (Metrics(ask.DEFERRED_AGES, "{{cause}}"),),
    unit=Unit.SECONDS,
    idle="No data from the exporter",
    steps=above(limit("MailQueueOldestTooOld"), limit("MailQueueStuck")),
    limits=True,
)
_ATTEMPTS: Final = Panel(
    Kind.SERIES,
    "Attempts by status and relay",
    "One per recipient and try. Good: `sent` by the relay's name. `none` is a relay that was not reached, `local` an "
    "agent of this server.",
    (Metrics(ask.ATTEMPTS, "{{status}} {{relay}}"),),
    idle="No attempt in this time",
    bars=True,
    decimals=0,
)
_FAILURES: Final = Panel(
    Kind.SERIES,
    "Failed attempts by cause",
    "Attempts that the relay did not take. Good: none, or single ones that a retry mended.",
    (Metrics(ask.FAILURES, "{{cause}}"),),
    idle="No attempt failed in this time",
    bars=True,
    decimals=0,
)
_SUSPENDED: Final = Panel(
    Kind.SERIES,
    "Attempts not made, by cause",
    "Postfix spares attempts at a destination that has just failed. Good: none. These mails have no fault of their "
    "own; they go out when the destination takes mail again.",
    (Metrics(ask.SUSPENDED, "{{cause}}"),),
    idle="No attempt was spared in this time",
    bars=True,
    decimals=0,
)
_STAGES: Final = Panel(
    Kind.SERIES,
    "Whose slowness is it: mean time of each stage",
    "Postfix's four stages of an attempt. Good: each under a second. Ours: load or RELAY_RATE_DELAY; the network's: "
    "DNS, routing, logins; the relay's: it takes mail slowly, wait.",
    (Metrics(ask.STAGE_MEANS, "{{stage}}"),),
    unit=Unit.SECONDS,
    idle="No attempt in this time",
    names=_STAGE_NAMES,
)
_SLOWEST: Final = Panel(
    Kind.STAT,
    "95 of 100, by stage",
    "Below which time 95 of 100 attempts of this time stayed, stage by stage. Good: under a second each; the largest "
    "is where to look.",
    (Metrics(ask.STAGE_SLOWEST, "{{stage}}"),),
    unit=Unit.SECONDS,
    idle="No attempt in this time",
    names=_STAGE_NAMES,
    decimals=2,
    named=True,
)
_TIMES: Final = Panel(
    Kind.HEATMAP,
    "From arrival to the relay; dots are traces",
    "Recipients whose mail the relay took, by how long the mail had been here. Good: all below 5 minutes. What lies "
    "higher had to wait for a retry.",
    (Metrics(ask.DELIVERY_TIMES, "{{le}}"),),
    unit=Unit.SECONDS,
    idle="Nothing was delivered in this time",
)
_CONNECTIONS: Final = Panel(
    Kind.SERIES,
    "Clients by listener",
    "Who connects; health checks apart. Good: `internal` from your containers. `public` and `submission` are open to "
    "the world, and robots knock there every day.",
    (Metrics(ask.CONNECTIONS, "{{entry}}"),),
    idle="No data from the exporter",
    bars=True,
    decimals=0,
)
_REJECTS: Final = Panel(
    Kind.SERIES,
    "Refused at the door, by reason",
    "Good: some from robots at `public`. Refusals of your own containers (`internal` in the table) are mistakes in a "
    "configuration.",
    (Metrics(ask.REJECTS, "{{reason}}"),),
    idle="Nobody was refused in this time",
    bars=True,
    decimals=0,
)
_REJECTED: Final = Panel(
    Kind.TABLE,
    "Refused, by listener",
    "Whom the server turned away in this time, and why. Good: only robots at `public`.",
    (Metrics(ask.REJECTED, now=True),),
    idle="Nobody was refused in this time",
    columns=(
        Column("entry", "Listener", width=100),
        Column("reason", "Reason"),
        Column("Value", "Number", width=80, unit=Unit.COUNT),
    ),
)
_LOGINS: Final = Panel(
    Kind.SERIES,
    "Failed logins by listener",
    "Good: none, or single ones. 20 in a quarter of an hour is an alert: the log has the addresses, block them.",
    (Metrics(ask.LOGINS_FAILED, "{{entry}}"),),
    idle="No data from the exporter",
    bars=True,
    decimals=0,
)
_ABORTED: Final = Panel(
    Kind.SERIES,
    "Clients that went without a word",
    "`lost`, `timeout`, `errors`: sessions that ended without QUIT. Good: few. Many from inside: a client with too "
    "short a timeout.",
    (Metrics(ask.ABORTED, "{{how}}"), Metrics(ask.SCREENED, "postscreen {{verdict}}")),
    idle="No data from the exporter",
    bars=True,
    decimals=0,
)
_TLS: Final = Panel(
    Kind.SERIES,
    "TLS sessions",
    "Good: outbound `Verified` or `Trusted`, TLSv1.3 or 1.2. `Untrusted` outbound: TLS_VERIFY is off or the relay's "
    "certificate is not what it should be.",
    (Metrics(ask.TLS_SESSIONS, "{{direction}} {{protocol}} {{trust}}"),),
    idle="No TLS session in this time",
    bars=True,
    decimals=0,
)
_FORWARDED: Final = Panel(
    Kind.SERIES,
    "Forwarded, by outcome",
    "Mail of others to MAIL_DOMAIN, passed on to FORWARD_EMAIL. Good: `sent`. `bounced`: the mailbox's provider "
    "refuses it, mostly spam; it spends quota all the same.",
    (Metrics(ask.FORWARDED, "{{outcome}}"),),
    idle="Nothing was forwarded in this time",
    bars=True,
    decimals=0,
)
_NOTICES: Final = Panel(
    Kind.SERIES,
    "Mails that Postfix wrote itself",
    "`failure` is a bounce, `delay` a warning to the sender, `postmaster` one to you. Good: none.",
    (Metrics(ask.NOTICES, "{{kind}}"),),
    idle="No data from the exporter",
    bars=True,
    decimals=0,
)
_SIZES: Final = Panel(
    Kind.HEATMAP,
    "Sizes of mails",
    "Good: kilobytes. MESSAGE_SIZE_LIMIT is the most that is taken; Gmail takes 25 MB.",
    (Metrics(ask.SIZES, "{{le}}"),),
    unit=Unit.BYTES,
    idle="No mail in this time",
)
_VOLUMES: Final = Panel(
    Kind.SERIES,
    "Room on the volumes",
    "Free bytes where log, ledger and spool lie. Good: flat, above the dashed line (250 MB).",
    (Metrics(ask.VOLUME_BYTES, "{{volume}}"),),
    unit=Unit.BYTES,
    idle="No volume is mounted for the exporter",
    steps=below(limit("MailVolumeFull")),
    limits=True,
)
_COMPLAINTS: Final = Panel(
    Kind.SERIES,
    "Postfix's complaints by severity",
    "Lines of the log with a severity. Good: few warnings. `fatal` or `panic` is an alert: a daemon died, the lines "
    "below say why.",
    (Metrics(ask.COMPLAINTS, "{{severity}}"),),
    idle="No data from the exporter",
    bars=True,
    decimals=0,
)
_LOG: Final = Panel(
    Kind.LOGS,
    "Postfix's own words: warnings and worse",
    "Lines of `docker logs mail-server`, addresses masked. Good: few. A line with a queue id: paste it into the "
    "message trail.",
    (Lines(lines_of_postfix("warning|error|fatal|panic")),),
    idle="Postfix complained about nothing in this time",
)

PAGE: Final = Page(
    Board.SERVER,
    "Mail server",
    "Postfix: what waits and why, whose slowness it is, who knocks at the door, whether there is room.",
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
        Heading("Attempts"),
        Shelf(7, ((24, shared.CAUSES_TABLE),)),
        Shelf(7, ((8, _ATTEMPTS), (8, _FAILURES), (8, _SUSPENDED))),
        Heading("Delay"),
        Shelf(8, ((9, _STAGES), (6, _SLOWEST), (9, _TIMES))),
        Heading("The door"),
        Shelf(7, ((8, _CONNECTIONS), (8, _REJECTS), (8, _REJECTED))),
        Shelf(7, ((8, _LOGINS), (8, _ABORTED), (8, _TLS))),
        Heading("Forwarding, notices, sizes"),
        Shelf(7, ((8, _FORWARDED), (8, _NOTICES), (8, _SIZES))),
        Heading("The server itself"),
        Shelf(7, ((12, _VOLUMES), (12, _COMPLAINTS))),
        Shelf(8, ((24, _LOG),)),
    ),
)
