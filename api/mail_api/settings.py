"""What the environment says, checked once at the start; everything else receives a finished `Settings`."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mail_api.addresses import parse_address, parse_address_or_domain, parse_domain
from mail_api.admission import parse_site
from mail_api.clients import parse_network
from mail_api.rates import MEMORY, parse_rates, parse_storage
from mail_telemetry.configuration import LogLevel

Domain = Annotated[str, AfterValidator(parse_domain)]
Address = Annotated[str, AfterValidator(parse_address)]
Port = Annotated[int, Field(ge=1, le=65535)]


def _split(value: object) -> object:
    return tuple(filter(None, (item.strip() for item in value.split(",")))) if isinstance(value, str) else value


Recipients = Annotated[tuple[Annotated[str, AfterValidator(parse_address_or_domain)], ...], NoDecode]
Networks = Annotated[tuple[Annotated[str, AfterValidator(parse_network)], ...], NoDecode]
Sites = Annotated[tuple[Annotated[str, AfterValidator(parse_site)], ...], NoDecode]


def _own_recipients(known: dict[str, Any]) -> tuple[str, ...]:
    return tuple(filter(None, (known["mail_domain"], known["forward_email"], known["default_to"])))


def _own_sites(known: dict[str, Any]) -> tuple[str, ...]:
    return (known["mail_domain"], f"*.{known['mail_domain']}")


class Settings(BaseSettings):
    """The variables of the API. An empty one (as `${X:-}` in a compose file leaves it) counts as unset."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    mail_domain: Domain = Field(
        description="Your mail domain; part of every Message-ID and the base of the other defaults.",
        examples=["example.org"],
    )
    default_from: Address = Field(
        default_factory=lambda known: f"noreply@{known['mail_domain']}",
        description="Sender of every mail; a caller's `from` becomes Reply-To.",
        examples=["hi@example.org"],
        json_schema_extra={"default_text": "noreply@MAIL_DOMAIN"},
    )
    default_to: Address | None = Field(
        default=None,
        description="Recipient of requests without `to`; always an allowed recipient.",
        examples=["me@example.org"],
    )
    forward_email: Address | None = Field(
        default=None,
        description="Your own mailbox, where the mail server forwards to; an allowed recipient by default.",
        examples=["me@example.com"],
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
    smtp_host: str = Field(default="mail-server", description="Where Postfix listens.", examples=["mail-server"])
    smtp_port: Port = Field(default=25, description="Its port for trusted containers.", examples=[25])
    smtp_pool_size: int = Field(
        default=8, ge=1, le=64, description="Most connections to Postfix at the same time.", examples=[8]
    )
    smtp_retry_seconds: float = Field(
        default=10,
        gt=0,
        le=60,
        description="How long a request waits for a free connection, or for Postfix to come back, before 503.",
        examples=[10],
    )
    max_request_bytes: int = Field(
        default=1_000_000, ge=1_000, le=50_000_000, description="Largest request body; above: 413.", examples=[1000000]
    )
    max_attachments: int = Field(
        default=10, ge=0, le=50, description="Most files with one mail; 0: none.", examples=[10]
    )
    max_attachment_bytes: int = Field(
        default_factory=lambda known: known["max_request_bytes"],
        ge=0,
        description="Largest sum of a mail's files, decoded; above: 413. Base64 adds a third in a request.",
        examples=[700000],
        json_schema_extra={"default_text": "MAX_REQUEST_BYTES"},
    )
    max_concurrent_requests: int = Field(
        default=200, ge=1, le=900, description="Most requests to send in hand at once; above: 503.", examples=[200]
    )
    request_timeout_seconds: float = Field(
        default=20,
        gt=0,
        le=300,
        description="How long a caller may take over a request's headers, and again over its body; then 408.",
        examples=[20],
    )
    rate_limit: Annotated[str, AfterValidator(parse_rates)] = Field(
        default="20/minute,200/day",
        description="How many requests to send one client address may make, as rates by comma; `off`: any number.",
        examples=["20/minute,200/day"],
    )
    rate_limit_storage: Annotated[str, AfterValidator(parse_storage)] = Field(
        default=MEMORY,
        description="Where they are counted: in memory, or in a redis:// that replicas share.",
        examples=["redis://redis:6379"],
    )
    trusted_proxies: Annotated[Networks, BeforeValidator(_split)] = Field(
        default=(),
        description="Proxies, as addresses or networks by comma, whose X-Forwarded-For names the client.",
        examples=["172.18.0.0/16"],
        json_schema_extra={"default_text": ""},
    )
    honeypot_field: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        default="hp_url",
        description="A form field that no person sees: a request that fills it is answered 200 and not sent.",
        examples=["hp_url"],
    )
    min_fill_seconds: float = Field(
        default=2,
        ge=0,
        le=60,
        description="Least time between `form_opened_at` and the request, where a form sends that field; below: 429.",
        examples=[2],
    )
    api_docs: bool = Field(
        default=False, description="`true` serves /docs and /openapi.json to everybody.", examples=["true"]
    )
    api_port: Port = Field(default=20001, description="Port of the API.", examples=[20001])
    metrics_port: Port = Field(
        default=9464, description="Port of /metrics alone, which no public route reaches.", examples=[9464]
    )
    log_level: LogLevel = Field(
        default="INFO", description="Least level that is logged: TRACE to ERROR.", examples=["INFO"]
    )
