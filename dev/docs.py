"""`make docs`: generates the tables of the docs from the code that they describe.

A table is between `<!-- NAME:begin -->` and `<!-- NAME:end -->`. The contract tests fail when one is out of date.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from alerts.catalogue import GROUPS
from alerts.request_results import DECISIONS
from alerts.routes.settings import RouteSettings
from dev.delivery_filter import WAITING
from dinky.settings import LinkSettings
from mail_api.settings import Settings as ApiSettings
from mail_check.settings import CheckSettings
from mail_exporter.settings import Settings as ExporterSettings
from mail_telemetry.cause_rules import Rule, load_rules
from mail_telemetry.causes import EXPLANATIONS
from mail_telemetry.configuration import default_text
from mail_telemetry.metrics import api, exporter
from mail_telemetry.otel_variables import DEFAULTS, VARIABLES, WITHOUT_EFFECT
from mail_telemetry.spans import ATTRIBUTES, SPAN_DESCRIPTIONS, SpanDescription

ROOT: Final = Path(__file__).resolve().parent.parent
SERVER_VARIABLES: Final = ROOT / "postfix/rootfs/usr/local/lib/mail-server/settings.bash"
_ROW: Final = re.compile(r"^    '(?P<name>[A-Z_]+)\|(?P<default>[^|]*)\|(?P<meaning>.*)'$", re.MULTILINE)
_TEMPLATE: Final = re.compile(r"^(?:# --- (.+?) -+|#?([A-Z][A-Z0-9_]+)=.*)$", re.MULTILINE)

SERVER_ROWS: Final = tuple(_ROW.finditer(SERVER_VARIABLES.read_text()))

SECRETS: Final = ("MAIL_PASSWORD", "SMTP_RELAY_USERNAME", "SMTP_RELAY_PASSWORD")
"""Variables of the mail server that the compose file also passes on as NAME_FILE."""
INSIDE: Final = frozenset(
    {
        *("SMTP_HOST", "SMTP_PORT", "API_PORT", "METRICS_PORT", "EXPORTER_PORT", "MAIL_LOG_FILE"),
        *("QUEUE_HOST", "QUEUE_PORT", "QUEUE_TIMEOUT_SECONDS", "QUEUE_LISTEN_NAME"),
        *("TURNSTILE_URL", "HCAPTCHA_URL"),
        *("POSTFIX_SYSLOG_NAMES", "SPOOL_PATH", "FORMS_PATH", "SUBMISSION_HOST", "SUBMISSION_PORT"),
    }
)
"""Variables that connect the containers: the compose file does not set them, so the table leaves them out."""
COMPOSE: Final = {
    "OTEL_CERTIFICATES_DIR": ("./secrets/otel", "The folder that is `/run/otel` in both services' containers."),
    "API_SECRETS_DIR": ("./secrets/api", "The folder that is `/run/api-secrets` in mail-api's container."),
    "SECRETS_DIR": ("./secrets", "The folder that is `/run/secrets` in the mail server's container, for NAME_FILE."),
    "FORMS_DIR": (
        "./forms",
        "The folder with a file for each form, for `POST /forms/NAME`; it may be empty or absent.",
    ),
    "TRAEFIK_ENABLE": ("false", "`true` lets Traefik route `mail-api.MAIL_DOMAIN` to the API."),
    "TRAEFIK_ENTRYPOINT": ("web", "Traefik's entry point for the API."),
    "TRAEFIK_TLS": ("false", "`true`: Traefik terminates TLS for the API, and answers 404 to plain HTTP."),
    "TRAEFIK_CERT_RESOLVER": ("", "Traefik's certificate resolver, with TRAEFIK_TLS. Empty: its own certificates."),
    "DINKY_MAIL_VERSION": ("latest", "The tag of the images."),
    "DINKY_MAIL_REVISION": ("unknown", "The commit that the images' labels name; `make images` sets it."),
}
"""Variables that only docker-compose.mail.prod.yml reads."""


OTHERS: Final = (("alerts", RouteSettings), ("dinky", LinkSettings), ("check", CheckSettings))
"""Commands that read variables, beside the services."""


def settings_tables() -> str:
    """Return a table for each part of .env.mail: every variable, its readers, its default, its meaning."""
    rows = settings()
    return "\n".join(
        f"## {heading}\n\n"
        + table(
            ("variable", "read by", "default", "meaning"),
            (
                (f"`{name}`", ", ".join(readers), code(default), text)
                for name, (readers, default, text) in ((name, rows[name]) for name in names)
            ),
        )
        for heading, names in template().items()
    )


def template() -> dict[str, list[str]]:
    """Return the parts of .env.mail, each with its variables, those that are commented out too."""
    parts: dict[str, list[str]] = {}
    for heading, name in _TEMPLATE.findall((ROOT / ".env.mail").read_text()):
        if heading:
            parts[heading] = []
        else:
            parts[next(reversed(parts))].append(name)
    return parts


def settings() -> dict[str, tuple[list[str], str, str]]:
    """Return every variable of every service: its readers, its default, its meaning."""
    rows: dict[str, tuple[list[str], str, str]] = {}

    def add(name: str, reader: str, default: str, meaning: str) -> None:
        readers, first_default, first_meaning = rows.setdefault(name, ([], default, meaning))
        readers.append(reader)
        rows[name] = (readers, first_default or default, first_meaning)

    for found in SERVER_ROWS:
        meaning = found["meaning"].replace("'\"'\"'", "'")
        default = re.sub(r"\{(\w+)\}", r"\1", found["default"])
        add(found["name"], "server", default, meaning[:1].upper() + meaning[1:])
        if found["name"] in SECRETS:
            path = f"`/run/secrets/{found['name'].lower()}`"
            add(f"{found['name']}_FILE", "server", "", f"A file that contains {found['name']}, for example {path}")
    for reader, settings in (("api", ApiSettings), ("exporter", ExporterSettings), *OTHERS):
        for name, field in fields(settings).items():
            add(name, reader, default_text(field).replace("(required)", ""), field.description or "")
    for name, meaning in VARIABLES.items():
        for reader in ("api", "exporter"):
            add(name, reader, DEFAULTS.get(name, ""), meaning)
    for name, (default, meaning) in COMPOSE.items():
        add(name, "compose", default, meaning)
    return rows


def metrics_table() -> str:
    """Return every metric as it is exposed: its type, labels and meaning."""
    rows = (
        (f"`{m.exposed}`", m.kind, ", ".join(f"`{label}`" for label in m.labels), m.help)
        for m in (*api.METRICS, *exporter.METRICS)
    )
    return table(("metric", "type", "labels", "meaning"), rows)


def spans_table() -> str:
    """Return every span: its service, its parent, its meaning and its attributes."""
    rows = (
        (f"`{span.name}`", span.service, span.kind, code(span.parent or ""), span.meaning, names(span))
        for span in SPAN_DESCRIPTIONS
    )
    return table(("span", "service", "kind", "below", "what it spans", "attributes (in italics: not always)"), rows)


def names(span: SpanDescription) -> str:
    """Return the names of a span's attributes, in the order of the list of attributes."""
    return ", ".join(
        f"`{name}`" if name in span.always else f"_`{name}`_" for name in ATTRIBUTES if name in span.attributes
    )


def attributes_table() -> str:
    """Return the meaning of every attribute."""
    return table(("attribute", "meaning"), ((f"`{name}`", meaning) for name, meaning in ATTRIBUTES.items()))


def otel_without_effect_table() -> str:
    """Return the tracing variables that have no effect, and why."""
    return table(("variable", "why it has no effect"), ((f"`{name}`", why) for name, why in WITHOUT_EFFECT.items()))


def fields(settings: type[BaseSettings]) -> Mapping[str, FieldInfo]:
    """Return the settings' fields by the name of their variable."""
    return {name.upper(): field for name, field in settings.model_fields.items()}


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = (" | ".join(cell.replace("|", "\\|") for cell in row) for row in (head, ("---",) * len(head), *rows))
    return "".join(f"| {line} |\n" for line in lines)


def code(text: str) -> str:
    """Return the text as code, or nothing."""
    return f"`{text}`" if text else ""


def alerts_table() -> str:
    """Return every alert: its severity, its duration, the reason for its threshold."""
    return table(
        ("alert", "severity", "for", "reason for the threshold", "silent during"),
        (
            (
                f"[{alert.name}](../alerts/runbooks/{alert.name}.md)",
                alert.severity,
                alert.hold if alert.hold != "0s" else "at once",
                alert.reason,
                ", ".join((*alert.silenced_by, *(f"{name} (same {alert.same[0]})" for name in alert.silenced_by_same))),
            )
            for group in GROUPS
            for alert in group.alerts
        ),
    )


def results_table() -> str:
    """Return every result of a request to send: who can correct the failure, and which alert it raises."""
    return table(
        ("result", "corrected by", "alert", "why"),
        (
            (
                f"`{code}`",
                decision.blame,
                f"[{decision.alert}](../alerts/runbooks/{decision.alert}.md)" if decision.alert else "none",
                decision.reason,
            )
            for code, decision in DECISIONS.items()
        ),
    )


def causes_table() -> str:
    """Return every cause of a failed attempt: meaning, whether a retry can succeed, what a 5xx does, the next step."""
    return table(
        ("cause", "meaning", "can a retry succeed?", "permanent reply of the relay", "next step"),
        (
            (
                f"`{cause}`",
                one.meaning,
                "yes" if one.retry_can_succeed else "no",
                "mail waits" if cause in WAITING else "mail is returned",
                one.next_step,
            )
            for cause, one in EXPLANATIONS.items()
        ),
    )


def cause_rules_table() -> str:
    """Return the built-in rules in their order: conditions, cause, source, and the next step where a rule has one."""
    return table(
        ("rule", "cause", "conditions", "next step", "source"),
        (
            (
                f"`{rule.name}`",
                f"`{rule.cause}`",
                ", ".join(_conditions(rule)),
                rule.next_step or "that of the cause",
                rule.source,
            )
            for rule in load_rules()
        ),
    )


def _conditions(rule: Rule) -> Iterator[str]:
    if rule.stage:
        yield f"stage {rule.stage}"
    for name, pattern in (("reply", rule.reply), ("code", rule.code)):
        if pattern:
            yield f"{name} `{pattern.pattern}`".replace("|", "\\|")
    if rule.text:
        yield "text"


TABLES: Final = {
    "alerts": alerts_table,
    "results": results_table,
    "settings": settings_tables,
    "otel-without-effect": otel_without_effect_table,
    "metrics": metrics_table,
    "spans": spans_table,
    "attributes": attributes_table,
    "causes": causes_table,
    "cause-rules": cause_rules_table,
}
DOCUMENTS: Final = (
    "docs/alerts.md",
    "docs/causes.md",
    "docs/environment-variables.md",
    "docs/metrics.md",
    "docs/traces-and-logs.md",
    "docs/troubleshooting.md",
)


def fresh(text: str) -> str:
    """Return a document's text with its tables generated again."""
    for name, make in TABLES.items():
        begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
        before, found, rest = text.partition(begin)
        if found:
            _, closed, after = rest.partition(end)
            if not closed:
                raise ValueError(f"the table {name} has a beginning and no end")
            text = before + begin + make() + end + after
    return text


def main() -> int:
    """Write every document whose tables are out of date."""
    for name in DOCUMENTS:
        path = ROOT / name
        text = path.read_text()
        if (new := fresh(text)) != text:
            path.write_text(new)
            print(f"docs: wrote {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
