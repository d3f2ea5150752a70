"""The metrics of mail-api, and the values of their labels."""

from typing import Final

from mail_telemetry.metrics import MetricDescription

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

MESSAGES = MetricDescription(
    "mail_api_messages",
    "counter",
    "Send requests, by result: accepted, or the error code of the response.",
    ("result",),
)
FORM_MESSAGES = MetricDescription(
    "mail_api_form_messages",
    "counter",
    "Requests to send by POST /forms/NAME, by form and result; mail_api_messages_total counts them too. Only forms "
    "with a file have series.",
    ("form", "result"),
)
SUBMISSION_SECONDS = MetricDescription(
    "mail_api_submission_duration_seconds",
    "histogram",
    "Duration of an SMTP submission to Postfix, including the wait for a pooled connection.",
    (),
    _SECONDS,
)
SUBMISSION_RETRIES = MetricDescription(
    "mail_api_submission_retries",
    "counter",
    "Submissions retried because Postfix was unreachable or replied 4xx before the message was sent.",
)
CONNECTIONS = MetricDescription(
    "mail_api_smtp_connections",
    "gauge",
    "Connections to Postfix in the pool, by state.",
    ("state",),
)
LEDGER_FAULTS = MetricDescription(
    "mail_api_ledger_faults",
    "counter",
    "Failed ledger operations, by operation; mail is sent without them. key: check a key or count its request; "
    "begin, claim, finish: record a submission; quota, status: read; settle, prune: maintenance; catch, release: keep "
    "and release mails that the honeypot caught.",
    ("operation",),
)
LEDGER_OPERATIONS: Final = ("key", "begin", "claim", "finish", "quota", "status", "settle", "prune", "catch", "release")

INVALID_KEYS = MetricDescription(
    "mail_api_invalid_keys",
    "counter",
    "Requests with an invalid API key, by path.",
    ("path",),
)
PATHS_WITH_KEYS: Final = (
    *("/send", "/messages", "/messages/{message_id}", "/messages/{message_id}/release", "/quota", "/ready"),
)

CAUGHT_MAILS = MetricDescription(
    "mail_api_caught_mails",
    "counter",
    "Mails that the honeypot caught, by outcome: kept, dropped (invalid, too large, with an API key, or "
    "HONEYPOT_KEEP_DAYS=0), released.",
    ("outcome",),
)
CAUGHT_OUTCOMES: Final = ("kept", "dropped", "released")
CAPTCHA_VERIFICATIONS = MetricDescription(
    "mail_api_captcha_verifications",
    "counter",
    "Captcha tokens, by provider and result: passed, failed (not valid, used before, of another site), unavailable "
    "(the provider did not answer, or rejects the secret key).",
    ("provider", "result"),
)
CAPTCHA_PROVIDERS: Final = ("turnstile", "hcaptcha")
CAPTCHA_RESULTS: Final = ("passed", "failed", "unavailable")

SPANS = MetricDescription(
    "mail_api_spans",
    "counter",
    "Spans of requests, exported or dropped.",
)
SPANS_DROPPED = MetricDescription(
    "mail_api_spans_dropped",
    "counter",
    "Spans dropped because an export failed or the export queue was full.",
)
LOG_LINES_LOST = MetricDescription(
    "mail_api_log_lines_lost",
    "counter",
    "Log lines lost because stdout was too slow or closed.",
)

METRICS: Final = tuple(value for value in tuple(globals().values()) if isinstance(value, MetricDescription))
