"""Mail API: send requests by result, latency, limits, API keys, idempotency and ledger errors."""

from typing import Final

from dashboards import expressions as ask
from dashboards import shared
from dashboards.boards import Board
from dashboards.model import Column, Heading, Kind, Metrics, Page, Panel, Shelf, Unit
from dashboards.thresholds import above, limit
from mail_api.errors import Code

_ASKED: Final = Panel(
    Kind.STAT,
    "Send requests",
    "Requests to `POST /send` in this time range, with replays and rejections. Good: the usual volume of your "
    "websites.",
    (Metrics(ask.ASKED_IN_ALL),),
    idle="No data from the API",
    decimals=0,
)
_ACCEPTED: Final = Panel(
    Kind.STAT,
    "Accepted",
    "Mails that the mail server accepted in this time range. Good: nearly all requests. The table of rejections shows "
    "the rest.",
    (Metrics(ask.ACCEPTED),),
    idle="No data from the API",
    decimals=0,
)
_FAULTS: Final = Panel(
    Kind.STAT,
    "Server errors, 15 min",
    "Requests that failed on the server side (5xx or `outcome_unknown`). Good: 0. One fires an alert. The result in "
    "the table names the failed component, often a mail server that is down or busy.",
    (Metrics(ask.FAULTS),),
    idle="No data from the API",
    steps=above(limit("MailApiFailing")),
    decimals=0,
)
_SLOW: Final = Panel(
    Kind.STAT,
    "Submission p95",
    "95 % of the submissions to Postfix are faster than this. Good: under half a second. If slower, the mail server "
    "is busy (`docker stats mail-server`) or the connection pool is too small (SMTP_POOL_SIZE).",
    (Metrics(ask.submission_quantile(0.95)),),
    unit=Unit.SECONDS,
    idle="No submission in this time range",
    decimals=2,
)
_RETRIES: Final = Panel(
    Kind.STAT,
    "Retries",
    "Submissions that needed a second attempt, because Postfix was down or replied 4xx. Good: 0, or a few at a "
    "restart. If there are many, look for restarts of the mail server.",
    (Metrics(ask.RETRIES),),
    idle="No data from the API",
    decimals=0,
)
_RESULTS: Final = Panel(
    Kind.SERIES,
    "Requests by result",
    "Requests to `POST /send`, by result. Good: `accepted`. docs/api-reference.md explains the others.",
    (Metrics(ask.ASKED, "{{result}}"),),
    idle="No request in this time range",
    bars=True,
    decimals=0,
)
_REFUSED: Final = Panel(
    Kind.TABLE,
    "Rejections by result",
    "Requests that were not accepted in this time range. Good: none, or bots only (honeypot, filled_too_fast, "
    "rate_limited). docs/api-reference.md explains each result for the caller and the operator.",
    (Metrics(ask.REFUSED, now=True),),
    idle="No request was rejected in this time range",
    columns=(Column("result", "Result"), Column("Value", "Requests", width=90, unit=Unit.COUNT)),
)
_HTTP: Final = Panel(
    Kind.SERIES,
    "Responses by path and status",
    "All HTTP responses except health checks. Good: 2xx. 4xx are errors of the caller, 5xx errors of the server.",
    (Metrics(ask.HTTP, "{{handler}} {{status}}"),),
    idle="No HTTP request in this time range",
    bars=True,
    decimals=0,
)
_LATENCY: Final = Panel(
    Kind.HEATMAP,
    "Request latency",
    "Number of requests by duration. Good: one dark band that stays low. A second band above it means that one "
    "component is slow: compare with the submission latency.",
    (Metrics(ask.HTTP_BUCKETS, "{{le}}"),),
    unit=Unit.SECONDS,
    idle="No HTTP request in this time range",
)
_SUBMISSIONS: Final = Panel(
    Kind.HEATMAP,
    "Submission latency",
    "Time until Postfix accepts a mail, with the wait for a connection. Good: one band under 0.1 s. Each dot is a "
    "mail: a click opens its trace (needs exemplars: dashboards/README.md).",
    (Metrics(ask.SUBMISSIONS, "{{le}}"),),
    unit=Unit.SECONDS,
    idle="No submission in this time range",
)
_STAGES: Final = Panel(
    Kind.SERIES,
    "Mean latency by stage",
    "Mean time of `POST /send`, and of the submission to Postfix within it. Good: both low and close together. A gap "
    "between them is spent in the API or the ledger. If both are high, the mail server is slow.",
    (Metrics(ask.HTTP_MEAN, "request"), Metrics(ask.SUBMISSION_MEAN, "submission")),
    unit=Unit.SECONDS,
    idle="No request in this time range",
)
_QUANTILES: Final = Panel(
    Kind.SERIES,
    "Submission p50, p95, p99",
    "50 %, 95 % and 99 % of the submissions are faster than this. Good: all three close together. If only p99 is "
    "high, single mails have large attachments or wait for a connection.",
    tuple(
        Metrics(ask.submission_quantile(share), name) for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    ),
    unit=Unit.SECONDS,
    idle="No submission in this time range",
)
_POOL: Final = Panel(
    Kind.SERIES,
    "SMTP connection pool",
    "Connections from the API to Postfix, by state. Good: mostly idle. If all are busy for minutes, raise "
    "SMTP_POOL_SIZE or find out why Postfix is slow.",
    (Metrics(ask.POOL, "{{state}}"),),
    idle="No data from the API",
    decimals=0,
)
_LIMITED: Final = Panel(
    Kind.SERIES,
    "Rate limits and bots",
    "Requests over RATE_LIMIT or MAX_CONCURRENT_REQUESTS, and requests from bots. Good: none, or single bots. Many "
    "`rate_limited`: behind a proxy set TRUSTED_PROXIES (behind cloudflared CLIENT_ADDRESS_HEADER too), or all "
    "visitors share one limit.",
    (
        Metrics(
            ask.asked_with(Code.RATE_LIMITED, Code.TOO_MANY_REQUESTS, Code.FILLED_TOO_FAST, Code.HONEYPOT),
            "{{result}}",
        ),
    ),
    idle="No data from the API",
    bars=True,
    decimals=0,
)
_KEYS: Final = Panel(
    Kind.SERIES,
    "API key rejections",
    "Requests with an invalid or revoked key, over the limit of a key, with a sender that the key does not allow, or "
    "while keys could not be checked. Good: none. `key_invalid` from one website: create a new key (`make api-key`). "
    "From many addresses: an attack.",
    (
        Metrics(
            ask.asked_with(Code.KEY_INVALID, Code.KEY_LIMIT_REACHED, Code.SENDER_NOT_ALLOWED, Code.KEY_UNVERIFIABLE),
            "{{result}}",
        ),
    ),
    idle="No data from the API",
    bars=True,
    decimals=0,
)
_REPLAYS: Final = Panel(
    Kind.SERIES,
    "Idempotency results",
    "`replayed`: a caller repeated a request and no second mail was sent, as intended. `idempotency_conflict`: a "
    "caller used one idempotency key for different mails. `outcome_unknown`: the connection broke after DATA; query "
    "the status of the mail. Good: none, or `replayed` only.",
    (
        Metrics(
            ask.asked_with(Code.REPLAYED, Code.IDEMPOTENCY_CONFLICT, Code.REQUEST_IN_FLIGHT, Code.OUTCOME_UNKNOWN),
            "{{result}}",
        ),
    ),
    idle="No data from the API",
    bars=True,
    decimals=0,
)
_LEDGER: Final = Panel(
    Kind.SERIES,
    "Ledger errors",
    "Failed ledger operations. Mail is still sent, but status, quota and idempotency are incomplete. Good: none. "
    "Otherwise check `docker logs mail-api` and the free space on the volume of the ledger.",
    (Metrics(ask.LEDGER_FAULTS, "{{operation}}"),),
    idle="No data from the API",
    bars=True,
    steps=above(limit("MailApiLedgerFailing")),
    decimals=0,
)

PAGE: Final = Page(
    Board.API,
    "Mail API",
    "Send requests by result, latency, rate limits, API keys and ledger errors.",
    (
        Shelf(4, ((4, shared.API_STATE), (4, _ASKED), (4, _ACCEPTED), (4, _FAULTS), (4, _SLOW), (4, _RETRIES))),
        Heading("Requests"),
        Shelf(8, ((10, _RESULTS), (6, _REFUSED), (8, _HTTP))),
        Shelf(8, ((24, shared.NOT_ACCEPTED),)),
        Heading("Latency"),
        Shelf(8, ((12, _LATENCY), (12, _SUBMISSIONS))),
        Shelf(7, ((8, _STAGES), (8, _QUANTILES), (8, _POOL))),
        Heading("Limits, API keys, idempotency, ledger"),
        Shelf(7, ((6, _LIMITED), (6, _KEYS), (6, _REPLAYS), (6, _LEDGER))),
    ),
)
