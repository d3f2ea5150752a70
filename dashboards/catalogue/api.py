"""Mail API: send requests by result, latency, limits, API keys, idempotency and ledger errors."""

from typing import Final

from dashboards import expressions as ask
from dashboards.boards import Board
from dashboards.catalogue import common
from dashboards.colours import HTTP_STATUSES, POOL_STATES, QUANTILES, RESULTS
from dashboards.model import Column, Heading, Kind, Metrics, Origin, Page, Panel, Shelf, Unit
from dashboards.thresholds import above, limit
from mail_api.error_codes import Code


def _with(*codes: Code) -> tuple[Metrics, ...]:
    """Return the query of the requests that ended with one of these results."""
    return (Metrics(ask.asked_with(*codes), "{{result}}", by=("result",), occurred=ask.occurred_with(*codes)),)


_ASKED: Final = Panel(
    Kind.STAT,
    "Send requests",
    "Requests to `POST /send` in this time range, with replays and rejections. Good: the usual volume of your "
    "websites.",
    (Metrics(ask.ASKED_IN_ALL),),
    origin=Origin.API,
    decimals=0,
)
_ACCEPTED: Final = Panel(
    Kind.STAT,
    "Accepted",
    "Mails that the mail server accepted in this time range. Good: nearly all requests. The table of rejections shows "
    "the rest.",
    (Metrics(ask.ACCEPTED),),
    origin=Origin.API,
    decimals=0,
)
_FAULTS: Final = Panel(
    Kind.STAT,
    "Server errors, 15 min",
    "Requests that failed on the server side (5xx or `outcome_unknown`). Good: 0. One fires an alert. The result in "
    "the table names the failed component, often a mail server that is down or busy.",
    (Metrics(ask.FAULTS),),
    origin=Origin.API,
    steps=above(limit("MailApiFailing")),
    decimals=0,
)
_SLOW: Final = Panel(
    Kind.STAT,
    "Submission p95",
    "95 % of the submissions to Postfix in this time range are faster than this. Good: under half a second. If "
    "slower, the mail server is busy (`docker stats mail-server`) or the connection pool is too small "
    "(SMTP_POOL_SIZE).",
    (Metrics(ask.SUBMISSION_SLOWEST),),
    unit=Unit.SECONDS,
    origin=Origin.API,
    fallbacks=common.none_of_api("No submission"),
    decimals=2,
)
_RETRIES: Final = Panel(
    Kind.STAT,
    "Retries",
    "Submissions that needed a second attempt, because Postfix was down or replied 4xx. Good: 0, or a few at a "
    "restart. If there are many, look for restarts of the mail server.",
    (Metrics(ask.RETRIES),),
    origin=Origin.API,
    decimals=0,
)
_RESULTS: Final = Panel(
    Kind.SERIES,
    "Requests by result",
    "Requests to `POST /send`, by result. Good: `accepted`. docs/api-reference.md explains the others.",
    (Metrics(ask.ASKED, "{{result}}", by=("result",), occurred=ask.ASKED_RESULTS),),
    origin=Origin.API,
    fallbacks=common.none_of_api("no request"),
    colours=RESULTS,
    bars=True,
    decimals=0,
)
_REFUSED: Final = Panel(
    Kind.TABLE,
    "Rejections by result",
    "Requests that were not accepted in this time range. Good: none, or bots only (honeypot, filled_too_fast, "
    "rate_limited). docs/api-reference.md explains each result for the caller and the operator.",
    (Metrics(ask.REFUSED, now=True),),
    origin=Origin.API,
    fallbacks=common.none_of_api("No request rejected"),
    sort="-Value",
    columns=(Column("result", "Result"), Column("Value", "Requests", width=85, unit=Unit.NUMBER)),
)
_HTTP: Final = Panel(
    Kind.SERIES,
    "Responses by path and status",
    "All HTTP responses except health checks. Good: 2xx. 4xx are errors of the caller, 5xx errors of the server.",
    (Metrics(ask.HTTP, "{{status}} {{handler}}", by=("status", "handler"), occurred=ask.HTTP_KINDS),),
    origin=Origin.API,
    fallbacks=common.none_of_api("no request"),
    colours=HTTP_STATUSES,
    bars=True,
    decimals=0,
)
_LATENCY: Final = Panel(
    Kind.HEATMAP,
    "Request latency",
    "Number of requests by duration. Good: one dark band that stays low. A second band above it means that one "
    "component is slow: compare with the submission latency.",
    (Metrics(ask.HTTP_BUCKETS, "{{le}}", occurred=ask.HTTP_KINDS_SEEN),),
    empty=common.NOTHING_MEASURED,
    origin=Origin.API,
    unit=Unit.SECONDS,
)
_SUBMISSIONS: Final = Panel(
    Kind.HEATMAP,
    "Submission latency",
    "Time until Postfix accepts a mail, with the wait for a connection. Good: one band under 0.1 s. Each dot is a "
    "mail: a click opens its trace (needs exemplars: dashboards/README.md).",
    (Metrics(ask.SUBMISSIONS, "{{le}}", occurred=ask.SUBMISSIONS_SEEN),),
    empty=common.NOTHING_MEASURED,
    origin=Origin.API,
    unit=Unit.SECONDS,
)
_STAGES: Final = Panel(
    Kind.SERIES,
    "Mean latency by stage",
    "Mean time of `POST /send`, and of the submission to Postfix within it. Good: both low and close together. A gap "
    "between them is spent in the API or the ledger. If both are high, the mail server is slow.",
    (
        Metrics(ask.HTTP_MEAN, "request", occurred=ask.HTTP_SEEN),
        Metrics(ask.SUBMISSION_MEAN, "submission", occurred=ask.SUBMISSIONS_SEEN),
    ),
    unit=Unit.SECONDS,
    origin=Origin.API,
    fallbacks=common.none_of_api("no request"),
    colours={"request": "blue", "submission": "purple"},
)
_QUANTILES: Final = Panel(
    Kind.SERIES,
    "Submission p50, p95, p99",
    "50 %, 95 % and 99 % of the submissions are faster than this. Good: all three close together. If only p99 is "
    "high, single mails have large attachments or wait for a connection.",
    tuple(
        Metrics(ask.submission_quantile(share), name, occurred=ask.SUBMISSIONS_SEEN)
        for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    ),
    unit=Unit.SECONDS,
    origin=Origin.API,
    fallbacks=common.none_of_api("no submission"),
    colours=QUANTILES,
)
_POOL: Final = Panel(
    Kind.SERIES,
    "SMTP connection pool",
    "Connections from the API to Postfix, by state. Good: mostly idle. If all are busy for minutes, raise "
    "SMTP_POOL_SIZE or find out why Postfix is slow.",
    (Metrics(ask.POOL, "{{state}}"),),
    origin=Origin.API,
    colours=POOL_STATES,
    decimals=0,
)
_LIMITED: Final = Panel(
    Kind.SERIES,
    "Rate limits and bots",
    "Requests over RATE_LIMIT or MAX_CONCURRENT_REQUESTS, and requests from bots. Good: none, or single bots. Many "
    "`rate_limited`: behind a proxy set TRUSTED_PROXIES (behind cloudflared CLIENT_ADDRESS_HEADER too), or all "
    "visitors share one limit.",
    _with(Code.RATE_LIMITED, Code.TOO_MANY_REQUESTS, Code.FILLED_TOO_FAST, Code.HONEYPOT),
    origin=Origin.API,
    fallbacks=common.none_of_api("no request rejected"),
    colours=RESULTS,
    bars=True,
    decimals=0,
)
_KEYS: Final = Panel(
    Kind.SERIES,
    "API key rejections",
    "Requests with an invalid or revoked key, over the limit of a key, with a sender that the key does not allow, or "
    "while keys could not be checked. Good: none. `key_invalid` from one website: create a new key (`make api-key`). "
    "From many addresses: an attack.",
    _with(Code.KEY_INVALID, Code.KEY_LIMIT_REACHED, Code.SENDER_NOT_ALLOWED, Code.KEY_UNVERIFIABLE),
    origin=Origin.API,
    fallbacks=common.none_of_api("no key rejected"),
    colours=RESULTS,
    bars=True,
    decimals=0,
)
_REPLAYS: Final = Panel(
    Kind.SERIES,
    "Idempotency results",
    "`replayed`: a caller repeated a request and no second mail was sent, as intended. `idempotency_conflict`: a "
    "caller used one idempotency key for different mails. `outcome_unknown`: the connection broke after DATA; query "
    "the status of the mail. Good: none, or `replayed` only.",
    _with(Code.REPLAYED, Code.IDEMPOTENCY_CONFLICT, Code.REQUEST_IN_FLIGHT, Code.OUTCOME_UNKNOWN),
    origin=Origin.API,
    fallbacks=common.none_of_api("no request repeated"),
    colours=RESULTS,
    bars=True,
    decimals=0,
)
_LEDGER: Final = Panel(
    Kind.SERIES,
    "Ledger errors",
    "Failed ledger operations. Mail is still sent, but status, quota and idempotency are incomplete. Good: none. "
    "Otherwise check `docker logs mail-api` and the free space on the volume of the ledger.",
    (Metrics(ask.LEDGER_FAULTS, "{{operation}}", by=("operation",), occurred=ask.LEDGER_OPERATIONS),),
    origin=Origin.API,
    fallbacks=common.none_of_api("no ledger error"),
    bars=True,
    steps=above(limit("MailApiLedgerFailing")),
    decimals=0,
)

PAGE: Final = Page(
    Board.API,
    "Mail API",
    "Send requests by result, latency, rate limits, API keys and ledger errors.",
    (
        Shelf(4, ((8, common.API_STATE), (8, _ASKED), (8, _ACCEPTED))),
        Shelf(4, ((8, _FAULTS), (8, _SLOW), (8, _RETRIES))),
        Heading("Requests"),
        Shelf(8, ((8, _RESULTS), (8, _REFUSED), (8, _HTTP))),
        Shelf(8, ((24, common.NOT_ACCEPTED),)),
        Heading("Latency"),
        Shelf(8, ((12, _LATENCY), (12, _SUBMISSIONS))),
        Shelf(7, ((8, _STAGES), (8, _QUANTILES), (8, _POOL))),
        Heading("Limits, API keys, idempotency, ledger"),
        Shelf(7, ((12, _LIMITED), (12, _KEYS))),
        Shelf(7, ((12, _REPLAYS), (12, _LEDGER))),
    ),
)
