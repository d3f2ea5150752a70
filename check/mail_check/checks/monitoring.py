"""Check the monitoring: Prometheus targets and rules, Alertmanager routes, OpenTelemetry collector."""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from opentelemetry.util.re import parse_env_headers

from mail_check.http_client import HttpResponse, HttpUnreachable, get, post, without_secrets
from mail_check.results import Result, error_text, failed, ok, unknown, warning
from mail_telemetry.otel_variables import Protocol, endpoint, grpc_address, of_traces, protocol

JOBS: Final = ("mail-api", "mail-exporter")
ROUTE: Final = 'service="mail"'
"""The matcher of the route that `make alert-routes` writes."""
_ROUTE_TREE: Final = re.compile(r"^route:\n(?:[ \t-].*\n?)*", re.MULTILINE)
_QUERY: Final = 'up{job=~"mail-api|mail-exporter"}'
_RULES_FIX: Final = "Put alerts/rules/*.yml where its rule_files point, and reload it (alerts/README.md)."


def check_prometheus(url: str, timeout: float) -> Iterator[Result]:
    """Yield results for the targets, the alert rules and the Alertmanager of a Prometheus."""
    try:
        up = _get(url, f"/api/v1/query?query={quote(_QUERY)}", timeout)
    except HttpUnreachable as error:
        yield _unreachable(error, "PROMETHEUS_URL")
        return
    yield from target_results(up)
    yield rules_result(_get(url, "/api/v1/rules?type=alert", timeout))
    yield alertmanagers_result(_get(url, "/api/v1/alertmanagers", timeout))


def target_results(response: HttpResponse) -> Iterator[Result]:
    """Yield for each service whether Prometheus scrapes its metrics.

    Raises:
        ValueError: the response is not one of Prometheus.
    """
    found: dict[str, list[bool]] = {}
    for one in _data(response)["result"]:
        found.setdefault(one["metric"].get("job", ""), []).append(one["value"][1] == "1")
    for job in JOBS:
        name = f"scrapes {job}"
        if job not in found:
            fix = "Discover containers by their labels, or add a job as in dashboards/monitoring/prometheus.yml."
            yield failed(f"Prometheus has no target of the job {job}", fix, name=name)
        elif not any(found[job]):
            fix = f"Check that {job} runs, on a network that Prometheus has joined."
            yield failed(f"Prometheus cannot scrape {job}", fix, name=name)
        else:
            yield ok(f"Prometheus scrapes {job}", name=name)


def rules_result(response: HttpResponse) -> Result:
    """Return whether the alert rules about mail are loaded and can be evaluated.

    Raises:
        ValueError: the response is not one of Prometheus.
    """
    loaded = [
        rule
        for group in _data(response)["groups"]
        for rule in group["rules"]
        if rule["labels"].get("service") == "mail"
    ]
    if not loaded:
        return warning("Prometheus has no rule about mail, so no alert can fire", _RULES_FIX, name="alert rules")
    failing = sorted({rule["name"] for rule in loaded if rule["health"] == "err"})
    if failing:
        return failed(f"Prometheus cannot evaluate {', '.join(failing)}", _RULES_FIX, name="alert rules")
    return ok(f"Prometheus has {len(loaded)} rules about mail", name="alert rules")


def alertmanagers_result(response: HttpResponse) -> Result:
    """Return whether Prometheus sends alerts to an Alertmanager.

    Raises:
        ValueError: the response is not one of Prometheus.
    """
    if _data(response)["activeAlertmanagers"]:
        return ok("Prometheus sends alerts to an Alertmanager", name="alerts are passed on")
    problem = "Prometheus has no Alertmanager: alerts fire, but no notification is sent"
    return warning(problem, "Add it under `alerting:` in prometheus.yml.", name="alerts are passed on")


def check_alertmanager(url: str, timeout: float) -> Result:
    """Check that Alertmanager has a route of its own for alerts about mail."""
    try:
        response = _get(url, "/api/v2/status", timeout)
    except HttpUnreachable as error:
        return _unreachable(error, "ALERTMANAGER_URL")
    return routes_result(response)


def routes_result(response: HttpResponse) -> Result:
    """Return the result for the configuration in an Alertmanager's status.

    Raises:
        ValueError: the response is not one of Alertmanager.
    """
    try:
        original = str(response.json()["config"]["original"])
    except (ValueError, LookupError, TypeError):
        raise ValueError(f"unexpected response (status {response.status}); is this Alertmanager?") from None
    tree = _ROUTE_TREE.search(original)
    # A matcher may be in any of YAML's quotes.
    if tree and ROUTE in re.sub(r"[\\\s']", "", tree[0]):
        return ok("Alertmanager has a route of its own for alerts about mail")
    return warning(
        "alerts about mail use the default route; if that sends mail, a failure of mail is not reported",
        "Set an ALERT_ variable, run `make alert-routes`, and add its output to alertmanager.yml (alerts/README.md).",
    )


def check_collector(environ: Mapping[str, str], timeout: float) -> Result:
    """Check that the collector accepts spans: by an empty export, over gRPC by a connection."""
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
        response = post(url, b"", {**headers, "Content-Type": "application/x-protobuf"}, timeout, tls)
    except FileNotFoundError as error:
        return failed(
            f"traces are lost: {error}", "Put the file into secrets/otel, which is /run/otel in the containers."
        )
    except HttpUnreachable as error:
        fix = "Start the collector, or empty OTEL_EXPORTER_OTLP_ENDPOINT; 4318 is its port for OTLP/HTTP."
        return failed(f"traces are lost: {error}", fix)
    if response.status == HTTPStatus.OK:
        return ok(f"{shown} accepts traces")
    fix = "OTEL_EXPORTER_OTLP_ENDPOINT is the address without /v1/traces; a login goes into OTEL_EXPORTER_OTLP_HEADERS."
    return failed(f"traces are lost: {shown} answers {response.status}", fix)


def _tls(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return the TLS context of an export: with the collector's CA, and the client's certificate.

    Raises:
        FileNotFoundError: a file does not exist.
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


def _grpc_collector(url: str, timeout: float) -> Result:
    shown, fix = url, "Start the collector, or empty OTEL_EXPORTER_OTLP_ENDPOINT; 4317 is its port for OTLP/gRPC."
    try:
        host, port = grpc_address(url)
        shown = f"{host}:{port}"
        with socket.create_connection((host, port), timeout):
            return ok(f"{shown} accepts connections for OTLP/gRPC")
    except (OSError, ValueError) as error:
        return failed(f"traces are lost: {shown}: {error_text(error)}", fix)


def _get(url: str, path: str, timeout: float) -> HttpResponse:
    return get(url.rstrip("/") + path, timeout)


def _data(response: HttpResponse) -> Any:  # noqa: ANN401 - any JSON
    try:
        return response.json()["data"]
    except (ValueError, LookupError, TypeError):
        raise ValueError(f"unexpected response (status {response.status}); is this Prometheus?") from None


def _unreachable(error: HttpUnreachable, variable: str) -> Result:
    if error.timed_out:
        return unknown(str(error), f"Check {variable}.")
    return warning(
        f"no response: {error}",
        f"Set {variable} to one on a network that mail-check has joined; without it a failure of mail is not reported.",
    )
