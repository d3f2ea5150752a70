"""Whether somebody will notice when mail stops: Prometheus, its rules, Alertmanager's routes, the collector."""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from opentelemetry.util.re import parse_env_headers

from mail_check.finding import Verdict, failed, ok, unknown, warning
from mail_check.reason import reason
from mail_check.web import Answer, NoAnswer, get, post, without_secrets
from mail_telemetry.otel_variables import Protocol, endpoint, grpc_address, of_traces, protocol

JOBS: Final = ("mail-api", "mail-exporter")
ROUTE: Final = 'service="mail"'
"""What `make alert-routes` has every alert about mail matched by."""
_ROUTE_TREE: Final = re.compile(r"^route:\n(?:[ \t-].*\n?)*", re.MULTILINE)
_QUERY: Final = 'up{job=~"mail-api|mail-exporter"}'
_RULES_FIX: Final = "Put alerts/rules/*.yml where its rule_files point, and reload it (alerts/README.md)."


def prometheus(url: str, timeout: float) -> Iterator[Verdict]:
    """Yield whether Prometheus sees both services, has our rules, and tells somebody."""
    try:
        up = _asked(url, f"/api/v1/query?query={quote(_QUERY)}", timeout)
    except NoAnswer as error:
        yield _absent(error, "PROMETHEUS_URL")
        return
    yield from scraped(up)
    yield rules(_asked(url, "/api/v1/rules?type=alert", timeout))
    yield told(_asked(url, "/api/v1/alertmanagers", timeout))


def scraped(answer: Answer) -> Iterator[Verdict]:
    """Yield for each service whether Prometheus reads its metrics.

    Raises:
        ValueError: the answer is none of Prometheus's.
    """
    found: dict[str, list[bool]] = {}
    for one in _data(answer)["result"]:
        found.setdefault(one["metric"].get("job", ""), []).append(one["value"][1] == "1")
    for job in JOBS:
        name = f"scrapes {job}"
        if job not in found:
            fix = "It finds containers by their labels, or by name as in dashboards/monitoring/prometheus.yml."
            yield failed(f"Prometheus has no target of the job {job}", fix, name=name)
        elif not any(found[job]):
            fix = f"Does {job} run, and on a network that Prometheus is on too?"
            yield failed(f"Prometheus knows {job} and can't reach it", fix, name=name)
        else:
            yield ok(f"Prometheus reads {job}", name=name)


def rules(answer: Answer) -> Verdict:
    """Judge whether the alerts about mail are loaded.

    Raises:
        ValueError: the answer is none of Prometheus's.
    """
    loaded = [
        rule for group in _data(answer)["groups"] for rule in group["rules"] if rule["labels"].get("service") == "mail"
    ]
    if not loaded:
        return warning("Prometheus has no rule about mail, so no alert can fire", _RULES_FIX, name="alert rules")
    ill = sorted({rule["name"] for rule in loaded if rule["health"] == "err"})
    if ill:
        return failed(f"Prometheus can't evaluate {', '.join(ill)}", _RULES_FIX, name="alert rules")
    return ok(f"Prometheus has {len(loaded)} about mail", name="alert rules")


def told(answer: Answer) -> Verdict:
    """Judge whether Prometheus has an Alertmanager to tell.

    Raises:
        ValueError: the answer is none of Prometheus's.
    """
    if _data(answer)["activeAlertmanagers"]:
        return ok("Prometheus tells an Alertmanager", name="alerts are passed on")
    problem = "Prometheus has no Alertmanager to tell: alerts fire and nobody hears them"
    return warning(problem, "Name it under `alerting:` in prometheus.yml.", name="alerts are passed on")


def alertmanager(url: str, timeout: float) -> Verdict:
    """Judge whether Alertmanager has a way of its own for alerts about mail."""
    try:
        answer = _asked(url, "/api/v2/status", timeout)
    except NoAnswer as error:
        return _absent(error, "ALERTMANAGER_URL")
    return routes(answer)


def routes(answer: Answer) -> Verdict:
    """Judge an Alertmanager's configuration as it shows it.

    Raises:
        ValueError: the answer is none of Alertmanager's.
    """
    try:
        original = str(answer.json()["config"]["original"])
    except (ValueError, LookupError, TypeError):
        raise ValueError(f"what answers is no Alertmanager (status {answer.status})") from None
    tree = _ROUTE_TREE.search(original)
    # A matcher may be quoted in any of YAML's ways.
    if tree and ROUTE in re.sub(r"[\\\s']", "", tree[0]):
        return ok("Alertmanager has a way of their own for alerts about mail")
    return warning(
        "alerts about mail go the way of all others; if that is mail, nobody hears of broken mail",
        "Set an ALERT_ variable, run `make alert-routes`, and give Alertmanager what it wrote (alerts/README.md).",
    )


def collector(environ: Mapping[str, str], timeout: float) -> Verdict:
    """Judge whether the collector accepts spans: by an export without any, over gRPC by a connection."""
    url = endpoint(environ)
    if url is None:
        return ok("no traces are sent: OTEL_EXPORTER_OTLP_ENDPOINT is not set, or tracing is off")
    if protocol(environ) is Protocol.GRPC:
        return _grpc_collector(url, timeout)
    if not environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip():
        url = f"{url.rstrip('/')}/v1/traces"
    shown = without_secrets(url)
    headers = parse_env_headers(of_traces(environ, "HEADERS")[1] or "", liberal=True)
    try:
        tls = _tls(environ) if url.startswith("https:") else None
        answer = post(url, b"", {**headers, "Content-Type": "application/x-protobuf"}, timeout, tls)
    except FileNotFoundError as error:
        return failed(
            f"traces are lost: {error}", "Put the file into secrets/otel, which is /run/otel in the containers."
        )
    except NoAnswer as error:
        fix = "Start the collector, or empty OTEL_EXPORTER_OTLP_ENDPOINT; 4318 is its port for OTLP/HTTP."
        return failed(f"traces are lost: {error}", fix)
    if answer.status == HTTPStatus.OK:
        return ok(f"{shown} takes traces")
    fix = "OTEL_EXPORTER_OTLP_ENDPOINT is the address without /v1/traces; a login goes into OTEL_EXPORTER_OTLP_HEADERS."
    return failed(f"traces are lost: {shown} answers {answer.status}", fix)


def _tls(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return the TLS context of an export: with the collector's CA, and the client's certificate.

    Raises:
        FileNotFoundError: a file is not there.
    """
    names = ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY")
    files = {name: of_traces(environ, name) for name in names}
    for variable, path in files.values():
        if path and not Path(path).is_file():
            raise FileNotFoundError(f"{variable}: there is no file {path}")
    authority, certificate, key = (files[name][1] for name in names)
    context = ssl.create_default_context(cafile=authority)
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


def _grpc_collector(url: str, timeout: float) -> Verdict:
    shown, fix = url, "Start the collector, or empty OTEL_EXPORTER_OTLP_ENDPOINT; 4317 is its port for OTLP/gRPC."
    try:
        host, port = grpc_address(url)
        shown = f"{host}:{port}"
        with socket.create_connection((host, port), timeout):
            return ok(f"{shown} accepts connections for OTLP/gRPC")
    except (OSError, ValueError) as error:
        return failed(f"traces are lost: {shown}: {reason(error)}", fix)


def _asked(url: str, path: str, timeout: float) -> Answer:
    return get(url.rstrip("/") + path, timeout)


def _data(answer: Answer) -> Any:  # noqa: ANN401 - any JSON
    try:
        return answer.json()["data"]
    except (ValueError, LookupError, TypeError):
        raise ValueError(f"what answers is no Prometheus (status {answer.status})") from None


def _absent(error: NoAnswer, variable: str) -> Verdict:
    if error.late:
        return unknown(str(error), f"{variable} names it.")
    return warning(
        f"nobody there: {error}",
        f"{variable} names it, on a network that mail-check is on; without one nobody is told when mail stops.",
    )
