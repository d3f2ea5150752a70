"""Settings of the API, from environment variables, checked once at the start."""

import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import limits
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic_settings import NoDecode

from mail_api.addresses import (
    Mailbox,
    parse_address,
    parse_address_or_domain,
    parse_ascii_address,
    parse_ascii_domain,
    parse_mailbox,
    parse_sender,
)
from mail_api.spam_settings import SpamSettings
from mail_ledger.engine import parse_url
from mail_telemetry.configuration import LogLevel, QuotaReserve

OFF: Final = "off"
MEMORY: Final = "memory://"
TRACE_ID_PLACE: Final = "{trace_id}"

_SHARED_STORAGES: Final = ("redis://", "rediss://")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_SITE: Final = re.compile(r"(?:https?://)?(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?|\*\.[a-z0-9.-]+")
# Postfix's way to write a time (postconf(5), "time units"), so that one variable serves both services.
_TIME: Final = re.compile(r"(?P<number>\d{1,9})(?P<unit>[smhdw]?)")
_UNIT_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


def parse_site(text: str) -> str:
    """Return one entry of ALLOWED_HOSTS in lower case, without a closing slash.

    Raises:
        ValueError: it is neither a host, `*.host`, `host:port` nor an origin.
    """
    site = text.strip().lower().removesuffix("/")
    if site == "*":
        raise ValueError("`*` would let every website send through this server; list your own sites")
    if not _SITE.fullmatch(site):
        raise ValueError("holds an entry that is neither a host nor an origin")
    return site


def parse_network(text: str) -> str:
    """Return one entry of TRUSTED_PROXIES as a network.

    Raises:
        ValueError: it is neither an address nor a network.
    """
    try:
        return str(ip_network(text.strip()))
    except ValueError:
        raise ValueError("holds an entry that is neither an address nor a network such as 172.18.0.0/16") from None


def parse_address_header(name: str, info: ValidationInfo) -> str:
    """Return CLIENT_ADDRESS_HEADER unchanged.

    Raises:
        ValueError: it is not a header name (RFC 9110 section 5.1), has its own rule, or TRUSTED_PROXIES is empty.
    """
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("is not the name of one header")
    if name.lower() == "x-forwarded-for":
        raise ValueError("X-Forwarded-For is read without this setting: unset it, TRUSTED_PROXIES is enough")
    if name.lower() == "forwarded":
        raise ValueError("Forwarded holds more than an address: name a header that holds the client's address alone")
    if not info.data.get("trusted_proxies", True):
        raise ValueError("needs TRUSTED_PROXIES: the header is accepted from these proxies only")
    return name


def parse_rates(text: str) -> str:
    """Return RATE_LIMIT unchanged.

    Raises:
        ValueError: it is neither `off` nor rates.
    """
    if text != OFF:
        try:
            limits.parse_many(text)
        except ValueError:
            raise ValueError("is neither rates, separated by commas, nor off") from None
    return text


def parse_storage(text: str) -> str:
    """Return RATE_LIMIT_STORAGE unchanged.

    Raises:
        ValueError: it is a storage that is not built in.
    """
    if text != MEMORY and not text.startswith(_SHARED_STORAGES):
        raise ValueError("is neither memory:// nor a redis:// address")
    return text


def parse_trace_url(template: str | None) -> str | None:
    """Return TRACE_URL_TEMPLATE unchanged.

    Raises:
        ValueError: it is no address, or has no place for the trace's id.
    """
    if template is not None and not (template.startswith(("https://", "http://")) and TRACE_ID_PLACE in template):
        raise ValueError(f"is not an address that holds {TRACE_ID_PLACE}")
    return template


def parse_duration(default_unit: str) -> Callable[[object], object]:
    """Return a function that returns the seconds of `300s`, `5d`, or of a number of the default unit.

    It raises ValueError for any other text; a value that is no text is returned unchanged.
    """

    def parse(value: object) -> object:
        if not isinstance(value, str):
            return value
        found = _TIME.fullmatch(value.strip())
        if not found:
            raise ValueError("is not a time such as 300s, 10m, 1h or 5d")
        return int(found["number"]) * _UNIT_SECONDS[found["unit"] or default_unit]

    return parse


Domain = Annotated[str, AfterValidator(parse_ascii_domain)]
Address = Annotated[str, AfterValidator(parse_address)]
AsciiAddress = Annotated[str, AfterValidator(parse_ascii_address)]
Sender = Annotated[str, AfterValidator(parse_sender)]
Port = Annotated[int, Field(ge=1, le=65535)]


def _split(value: object) -> object:
    """Return the items of a list, which are separated by commas or white space, as in the mail server's variables."""
    return tuple(filter(None, re.split(r"[,\s]+", value))) if isinstance(value, str) else value


Addresses = Annotated[tuple[AsciiAddress, ...], NoDecode]
Recipients = Annotated[tuple[Annotated[str, AfterValidator(parse_address_or_domain)], ...], NoDecode]
Networks = Annotated[tuple[Annotated[str, AfterValidator(parse_network)], ...], NoDecode]
Sites = Annotated[tuple[Annotated[str, AfterValidator(parse_site)], ...], NoDecode]


def _own_recipients(known: dict[str, Any]) -> tuple[str, ...]:
    return tuple(filter(None, (known["mail_domain"], *known["forward_email"], known["default_to"])))


def _own_sites(known: dict[str, Any]) -> tuple[str, ...]:
    return (known["mail_domain"], f"*.{known['mail_domain']}")


def _ledger_url(url: str) -> str:
    parse_url(url)
    return url


Seconds = Annotated[float, BeforeValidator(parse_duration("s"))]
Days = Annotated[float, BeforeValidator(parse_duration("d"))]


class Settings(SpamSettings):
    """The variables of the API. An empty one (as `${X:-}` in a compose file leaves it) counts as unset."""

    mail_domain: Domain = Field(
        description="Your mail domain; part of every Message-ID and the base of the other defaults.",
        examples=["example.org"],
    )
    default_from: Sender = Field(
        default_factory=lambda known: f"noreply@{known['mail_domain']}",
        description="Sender of every mail, as an address or `Name <address>`; a caller's `from` becomes Reply-To.",
        examples=["hi@example.org"],
        json_schema_extra={"default_text": "noreply@MAIL_DOMAIN"},
    )
    default_to: Address | None = Field(
        default=None,
        description="Recipient of requests without `to`; always an allowed recipient.",
        examples=["me@example.org"],
    )
    forward_email: Annotated[Addresses, BeforeValidator(_split)] = Field(
        default=(),
        description="Mailboxes to which the mail server forwards, separated by commas; allowed recipients by default.",
        examples=["me@example.com"],
        json_schema_extra={"default_text": ""},
    )
    allowed_recipients: Annotated[Recipients, BeforeValidator(_split)] = Field(
        default_factory=_own_recipients,
        description="Addresses and domains, separated by commas, that callers without a key may write to.",
        examples=["example.org,me@example.com"],
        json_schema_extra={"default_text": "MAIL_DOMAIN,FORWARD_EMAIL,DEFAULT_TO"},
    )
    allowed_hosts: Annotated[Sites, BeforeValidator(_split)] = Field(
        default_factory=_own_sites,
        description="Sites whose pages may call the API, separated by commas: a host, `*.host` for its subdomains, "
        "`host:port`, or a whole origin.",
        examples=["example.org,*.example.org,http://localhost:3000"],
        json_schema_extra={"default_text": "MAIL_DOMAIN,*.MAIL_DOMAIN"},
    )
    smtp_host: str = Field(default="mail-server", description="Host of Postfix.", examples=["mail-server"])
    smtp_port: Port = Field(default=25, description="Postfix's port for trusted containers.", examples=[25])
    smtp_pool_size: int = Field(
        default=20, ge=1, le=64, description="Maximum number of connections to Postfix at the same time.", examples=[20]
    )
    smtp_retry_seconds: float = Field(
        default=10,
        gt=0,
        le=60,
        description="How long a request waits for a free connection, or until Postfix can be reached, before 503.",
        examples=[10],
    )
    max_request_bytes: int = Field(
        default=1_000_000,
        ge=1_000,
        le=50_000_000,
        description="Maximum size of a request body; larger ones are answered 413.",
        examples=[1000000],
    )
    max_attachments: int = Field(
        default=10, ge=0, le=50, description="Maximum number of files in one mail; 0: none.", examples=[10]
    )
    max_attachment_bytes: int = Field(
        default_factory=lambda known: known["max_request_bytes"],
        ge=0,
        description="Maximum total size of a mail's decoded files; above it: 413. Base64 adds a third in a request.",
        examples=[700000],
        json_schema_extra={"default_text": "MAX_REQUEST_BYTES"},
    )
    max_concurrent_requests: int = Field(
        default=200,
        ge=1,
        le=900,
        description="Maximum number of requests to send in progress; above it: 503.",
        examples=[200],
    )
    request_timeout_seconds: float = Field(
        default=20,
        gt=0,
        le=300,
        description="Time limit for the headers of a request, and again for its body; then 408.",
        examples=[20],
    )
    rate_limit: Annotated[str, AfterValidator(parse_rates)] = Field(
        default="20/minute,200/day",
        description="Limit of requests to send for each client address: rates, separated by commas; `off`: no limit.",
        examples=["20/minute,200/day"],
    )
    rate_limit_storage: Annotated[str, AfterValidator(parse_storage)] = Field(
        default=MEMORY,
        description="Where RATE_LIMIT counts: in memory, or in a Redis (`redis://`) that replicas share.",
        examples=["redis://redis:6379"],
    )
    trusted_proxies: Annotated[Networks, BeforeValidator(_split)] = Field(
        default=(),
        description="Addresses and networks of proxies whose X-Forwarded-For is trusted, separated by commas.",
        examples=["172.18.0.0/16"],
        json_schema_extra={"default_text": ""},
    )
    client_address_header: Annotated[str, AfterValidator(parse_address_header)] | None = Field(
        default=None,
        description="Header that holds the client's address, accepted from TRUSTED_PROXIES only; used before "
        "X-Forwarded-For.",
        examples=["CF-Connecting-IP"],
    )
    append_form_fields: bool = Field(
        default=True,
        description="Whether fields of a form that are not the API's own, such as phone, are appended to the mail; "
        "`false`: the answer lists them in `ignored`.",
        examples=["true"],
    )
    forms_path: Path = Field(
        default=Path("/etc/mail-api/forms"),
        description="Folder of form files, in the container.",
        examples=["/etc/mail-api/forms"],
    )
    ledger_url: Annotated[str, AfterValidator(_ledger_url)] = Field(
        default="sqlite:////var/lib/mail-ledger/ledger.db",
        description="The database, as an SQLAlchemy URL.",
        examples=["sqlite:////var/lib/mail-ledger/ledger.db"],
    )
    ledger_retention_days: float = Field(
        default=30, ge=1, le=3650, description="How many days the ledger keeps a mail.", examples=[30]
    )
    ledger_addresses: Literal["masked", "full"] = Field(
        default="masked",
        description="How the ledger stores the API's recipients: `masked` (`a***@example.com`) or `full`.",
        examples=["masked"],
    )
    smtp_relay_host: str | None = Field(
        default=None, description="The relay whose recipients count against the quota.", examples=["smtp.gmail.com"]
    )
    smtp_relay_daily_limit: int = Field(
        default=500, ge=1, description="Recipients that the relay accepts in 24 hours; Gmail: 500.", examples=[500]
    )
    quota_reserve: QuotaReserve = Field(
        default_factory=lambda known: known["smtp_relay_daily_limit"] // 10,
        description="How many of SMTP_RELAY_DAILY_LIMIT are reserved for API keys marked important.",
        examples=[50],
        json_schema_extra={"default_text": "a tenth of SMTP_RELAY_DAILY_LIMIT"},
    )
    quota_window_seconds: float = Field(
        default=86_400,
        ge=1,
        le=86_400,
        description="Length of the window of SMTP_RELAY_DAILY_LIMIT, in seconds; other values are for tests.",
        examples=[86400],
    )
    queue_run_delay: Seconds = Field(
        default=300.0,
        description="The mail server's setting; the status of a mail needs it for the next retry.",
        examples=["300s"],
        json_schema_extra={"default_text": "300s"},
    )
    minimal_backoff_time: Seconds = Field(
        default=300.0,
        description="The mail server's setting, likewise.",
        examples=["300s"],
        json_schema_extra={"default_text": "300s"},
    )
    maximal_backoff_time: Seconds = Field(
        default=3600.0,
        description="The mail server's setting, likewise.",
        examples=["3600s"],
        json_schema_extra={"default_text": "3600s"},
    )
    maximal_queue_lifetime: Days = Field(
        default=432_000.0,
        description="The mail server's setting, likewise.",
        examples=["5d"],
        json_schema_extra={"default_text": "5d"},
    )
    cause_rules_file: Path | None = Field(
        default=None,
        description="File with your own rules for the causes of failures; the status of a mail shows their next step.",
        examples=["/etc/mail-exporter/cause-rules.toml"],
    )
    trace_url_template: Annotated[str | None, AfterValidator(parse_trace_url)] = Field(
        default=None,
        description="URL of a trace in your tracing web interface; `{trace_id}` stands for its id.",
        examples=["https://grafana.example.org/explore?traceId={trace_id}"],
    )
    api_docs: bool = Field(
        default=False, description="`true` serves /docs and /openapi.json to everybody.", examples=["true"]
    )
    api_port: Port = Field(default=20001, description="Port of the API.", examples=[20001])
    metrics_port: Port = Field(default=9464, description="Port of /metrics; not published.", examples=[9464])
    log_level: LogLevel = Field(
        default="INFO", description="Lowest level that is logged: TRACE to ERROR.", examples=["INFO"]
    )

    @property
    def sender(self) -> Mailbox:
        """DEFAULT_FROM as a mailbox."""
        return parse_mailbox(self.default_from)
