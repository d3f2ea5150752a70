"""Mail API: what was asked, what was answered, how long it took, and who was kept out."""

from typing import Final

from dashboards import expressions as ask
from dashboards import shared
from dashboards.boards import Board
from dashboards.model import Column, Heading, Kind, Metrics, Page, Panel, Shelf, Unit
from dashboards.thresholds import above, limit
from mail_api.errors import Code

_ASKED: Final = Panel(
    Kind.STAT,
    "Requests to send",
    "In this time, replays and refusals among them. Good: what your sites usually send.",
    (Metrics(ask.ASKED_IN_ALL),),
    idle="No data from the API",
    decimals=0,
)
_ACCEPTED: Final = Panel(
    Kind.STAT,
    "Accepted",
    "Mails that the mail server took in this time. Good: nearly all requests; what is missing stands in the table of "
    "refusals.",
    (Metrics(ask.ACCEPTED),),
    idle="No data from the API",
    decimals=0,
)
_FAULTS: Final = Panel(
    Kind.STAT,
    "Our faults, 15 min",
    "Requests that failed for a reason on our side (5xx). Good: 0. One is an alert: its result in the table names the "
    "hop, mostly a mail server that is down or busy.",
    (Metrics(ask.FAULTS),),
    idle="No data from the API",
    steps=above(limit("MailApiFailing")),
    decimals=0,
)
_SLOW: Final = Panel(
    Kind.STAT,
    "Submission, p95",
    "In how much time 95 of 100 submissions reach Postfix. Good: under half a second. More: the mail server is busy "
    "(`docker stats mail-server`), or the pool is too small (SMTP_POOL_SIZE).",
    (Metrics(ask.submission_quantile(0.95)),),
    unit=Unit.SECONDS,
    idle="No submission in this time",
    decimals=2,
)
_RETRIES: Final = Panel(
    Kind.STAT,
    "Tried again",
    "Submissions that needed a second try, for Postfix was away or said a 4xx. Good: 0, or some at a restart. Often: "
    "see the mail server's restarts.",
    (Metrics(ask.RETRIES),),
    idle="No data from the API",
    decimals=0,
)
_RESULTS: Final = Panel(
    Kind.SERIES,
    "Requests by result",
    "Every request to send, by what became of it. Good: `accepted`. Others are explained in docs/api-reference.md.",
    (Metrics(ask.ASKED, "{{result}}"),),
    idle="No request in this time",
    bars=True,
    decimals=0,
)
_REFUSED: Final = Panel(
    Kind.TABLE,
    "Refused, by result",
    "Requests of this time that were not accepted. Good: none, or robots (honeypot, filled_too_fast, rate_limited). "
    "docs/api-reference.md says what each result means to the caller and to you.",
    (Metrics(ask.REFUSED, now=True),),
    idle="Nothing was refused in this time",
    columns=(Column("result", "Result"), Column("Value", "Requests", width=90, unit=Unit.COUNT)),
)
_HTTP: Final = Panel(
    Kind.SERIES,
    "HTTP answers, by path and status",
    "All requests but health checks. Good: 2xx. 4xx are the callers' mistakes, 5xx ours.",
    (Metrics(ask.HTTP, "{{handler}} {{status}}"),),
    idle="No HTTP request in this time",
    bars=True,
    decimals=0,
)
_LATENCY: Final = Panel(
    Kind.HEATMAP,
    "Latency of all requests",
    "How many requests took how long. Good: one dark band that stays low. A second band higher up is a slow hop: "
    "compare with the submissions on the right.",
    (Metrics(ask.HTTP_BUCKETS, "{{le}}"),),
    unit=Unit.SECONDS,
    idle="No HTTP request in this time",
)
_SUBMISSIONS: Final = Panel(
    Kind.HEATMAP,
    "Submissions to Postfix; dots are traces",
    "How long Postfix took to take a mail, waiting for a connection included. Good: one band under 0.1 s. A click on "
    "a dot opens the trace of that very mail (needs exemplars: dashboards/README.md).",
    (Metrics(ask.SUBMISSIONS, "{{le}}"),),
    unit=Unit.SECONDS,
    idle="No submission in this time",
)
_STAGES: Final = Panel(
    Kind.SERIES,
    "Whose time is it: the request and its submission",
    "Mean time of POST /send, and of the submission to Postfix in it. Good: both low and close. A gap between them is "
    "the API's own work or the ledger's; both high: the mail server.",
    (Metrics(ask.HTTP_MEAN, "whole request"), Metrics(ask.SUBMISSION_MEAN, "submission to Postfix")),
    unit=Unit.SECONDS,
    idle="No request in this time",
)
_QUANTILES: Final = Panel(
    Kind.SERIES,
    "Submissions: half, 95 and 99 of 100",
    "Below which time that share of submissions stays. Good: all three near each other. The slowest alone are high: "
    "single mails with large attachments, or waiting for a connection.",
    tuple(
        Metrics(ask.submission_quantile(share), name) for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    ),
    unit=Unit.SECONDS,
    idle="No submission in this time",
)
_POOL: Final = Panel(
    Kind.SERIES,
    "Connections to Postfix",
    "What the pool holds. Good: mostly idle. All busy for minutes: raise SMTP_POOL_SIZE, or see why Postfix is slow.",
    (Metrics(ask.POOL, "{{state}}"),),
    idle="No data from the API",
    decimals=0,
)
_LIMITED: Final = Panel(
    Kind.SERIES,
    "Kept out by rates and traps",
    "Requests over RATE_LIMIT, over MAX_CONCURRENT_REQUESTS, by robots. Good: none, or single robots. Many "
    "`rate_limited`: behind a proxy set TRUSTED_PROXIES (behind cloudflared CLIENT_ADDRESS_HEADER too), or all "
    "visitors count as one.",
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
    "API keys",
    "Requests with a wrong or revoked key, over a key's limit, with a foreign sender, or while keys could not be "
    "checked. Good: none. `key_invalid` from one site: give it a new key (`make api-key`); many: somebody guesses.",
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
    "Idempotent replays and conflicts",
    "`replayed`: a caller repeated a request, and no second mail was sent; good, that is what the key is for. "
    "`idempotency_conflict`: one key for different mails, a mistake of the caller's. `outcome_unknown`: the "
    "connection broke after DATA; the status of the mail tells.",
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
    "What the ledger could not do",
    "Mail is sent all the same; missing are statuses, quota and protection from repeats. Good: nothing. Otherwise: "
    "`docker logs mail-api`, and free space on the ledger's volume.",
    (Metrics(ask.LEDGER_FAULTS, "{{operation}}"),),
    idle="No data from the API",
    bars=True,
    steps=above(limit("MailApiLedgerFailing")),
    decimals=0,
)

PAGE: Final = Page(
    Board.API,
    "Mail API",
    "What websites asked of the API, what they were told, how long it took, and who was kept out.",
    (
        Shelf(4, ((4, shared.API_STATE), (4, _ASKED), (4, _ACCEPTED), (4, _FAULTS), (4, _SLOW), (4, _RETRIES))),
        Heading("Requests"),
        Shelf(8, ((10, _RESULTS), (6, _REFUSED), (8, _HTTP))),
        Shelf(8, ((24, shared.NOT_ACCEPTED),)),
        Heading("Time"),
        Shelf(8, ((12, _LATENCY), (12, _SUBMISSIONS))),
        Shelf(7, ((8, _STAGES), (8, _QUANTILES), (8, _POOL))),
        Heading("Limits, keys, repeats, ledger"),
        Shelf(7, ((6, _LIMITED), (6, _KEYS), (6, _REPLAYS), (6, _LEDGER))),
    ),
)
