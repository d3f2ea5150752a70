"""Monitoring checks: Prometheus, Alertmanager, collector."""

import json
import socket
from typing import Any

import pytest

from mail_check.checks import monitoring
from mail_check.http_client import HttpResponse
from mail_check.results import CheckStatus
from tests.unit.check.web_server import WebServer

CLOSED = "http://127.0.0.1:1"


def up(**jobs: str) -> tuple[int, str]:
    """Return Prometheus's answer about targets that are up (1) or down (0)."""
    result = [{"metric": {"job": job.replace("_", "-")}, "value": [0, value]} for job, value in jobs.items()]
    return 200, json.dumps({"status": "success", "data": {"result": result}})


def rules(*found: dict[str, Any]) -> tuple[int, str]:
    """Return Prometheus's answer about its alerting rules."""
    return 200, json.dumps({"data": {"groups": [{"rules": list(found)}]}})


RULE = {"name": "MailApiDown", "labels": {"service": "mail"}, "health": "ok"}
FOREIGN = {"name": "Other", "labels": {}, "health": "err"}
ALERTMANAGER = 200, json.dumps({"data": {"activeAlertmanagers": [{"url": "x"}]}})
NO_ALERTMANAGER = 200, json.dumps({"data": {"activeAlertmanagers": []}})


@pytest.mark.parametrize(
    ("up_query", "rule_query", "alertmanager_query", "expected"),
    [
        pytest.param(
            up(mail_api="1", mail_exporter="1"), rules(RULE, FOREIGN), ALERTMANAGER, [CheckStatus.OK] * 4, id="all ok"
        ),
        pytest.param(
            up(mail_api="0"),
            rules(RULE | {"health": "err"}),
            NO_ALERTMANAGER,
            [CheckStatus.FAILED, CheckStatus.FAILED, CheckStatus.FAILED, CheckStatus.WARNING],
            id="all bad",
        ),
        pytest.param(
            up(mail_api="1", mail_exporter="1"),
            rules(FOREIGN),
            ALERTMANAGER,
            [CheckStatus.OK, CheckStatus.OK, CheckStatus.WARNING, CheckStatus.OK],
            id="no rules of ours",
        ),
    ],
)
def test_prometheus(
    up_query: tuple[int, str],
    rule_query: tuple[int, str],
    alertmanager_query: tuple[int, str],
    expected: list[CheckStatus],
) -> None:
    """Prometheus has to scrape both services, load our rules, and have an Alertmanager."""
    answers = {"/api/v1/query": up_query, "/api/v1/rules": rule_query, "/api/v1/alertmanagers": alertmanager_query}
    with WebServer(answers) as web:
        assert expected == [one.status for one in monitoring.check_prometheus(f"{web.url}/", 2)]


def test_one_of_several_is_enough() -> None:
    """One target of a job that is up is enough (others may be replicas, or gone)."""
    result = [{"metric": {"job": job}, "value": [0, value]} for job in monitoring.JOBS for value in "01"]
    answer = HttpResponse(200, json.dumps({"data": {"result": result}}))
    assert [CheckStatus.OK, CheckStatus.OK] == [one.status for one in monitoring.target_results(answer)]


def test_no_monitoring() -> None:
    """A missing Prometheus or Alertmanager is a warning that names the variable."""
    (prometheus,) = monitoring.check_prometheus(CLOSED, 1)
    alertmanager = monitoring.check_alertmanager(CLOSED, 1)
    assert [CheckStatus.WARNING, CheckStatus.WARNING] == [prometheus.status, alertmanager.status]
    assert "PROMETHEUS_URL" in prometheus.fix
    assert "ALERTMANAGER_URL" in alertmanager.fix


def test_timeout() -> None:
    """A server that does not answer in time is unknown."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (found,) = monitoring.check_prometheus(f"http://127.0.0.1:{silent.getsockname()[1]}", 0.2)
    assert (CheckStatus.UNKNOWN, True) == (found.status, "no answer in time" in found.message)


def test_another_server() -> None:
    """The response of another program raises ValueError."""
    with WebServer({}) as web, pytest.raises(ValueError, match="is this Prometheus"):
        list(monitoring.check_prometheus(web.url, 2))


@pytest.mark.parametrize(
    ("configuration", "status"),
    [
        ('route:\n  receiver: all\n  routes:\n  - matchers:\n    - service="mail"\nreceivers: []\n', CheckStatus.OK),
        ("global: {}\nroute:\n  routes:\n  - matchers: ['service = \"mail\"']", CheckStatus.OK),
        ("route:\n  receiver: everybody\n", CheckStatus.WARNING),
        ('route:\n  receiver: all\ninhibit_rules:\n- target_matchers:\n  - service="mail"\n', CheckStatus.WARNING),
        ("{}", CheckStatus.WARNING),
    ],
)
def test_alertmanager(configuration: str, status: CheckStatus) -> None:
    """Alerts about mail need a route of their own."""
    answer = json.dumps({"config": {"original": configuration}})
    with WebServer({"/api/v2/status": (200, answer)}) as web:
        assert status == monitoring.check_alertmanager(web.url, 2).status


@pytest.mark.parametrize(
    ("answer", "status"), [(200, CheckStatus.OK), (401, CheckStatus.FAILED), (404, CheckStatus.FAILED)]
)
def test_collector(answer: int, status: CheckStatus) -> None:
    """The collector receives an empty export, with the headers of real ones."""
    with WebServer({"/v1/traces": (answer, "")}) as web:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"{web.url}/", "OTEL_EXPORTER_OTLP_HEADERS": "x-key=swordfish"}
        found = monitoring.check_collector(variables, 2)
        ((path, headers, body),) = web.requests
    assert status == found.status
    assert ("/v1/traces", "swordfish", b"") == (path, headers["X-Key"], body)
    assert "swordfish" not in str(found)


@pytest.mark.parametrize("is_there", [True, False])
def test_collector_over_grpc(*, is_there: bool) -> None:
    """Over gRPC only the connection is checked, since an export over HTTP would fail there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not is_there:
            server.close()
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        }
        found = monitoring.check_collector(variables, 1)
    assert found.status is (CheckStatus.OK if is_there else CheckStatus.FAILED)
    assert f"127.0.0.1:{port}" in found.message


def test_collector_unreachable() -> None:
    """A collector that cannot be reached is a failure; none configured is ok."""
    assert monitoring.check_collector({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://user:swordfish@{CLOSED[7:]}"}, 1) == (
        CheckStatus.FAILED,
        f"traces are lost: {CLOSED}/v1/traces: Connection refused",
        "Start the collector, or empty OTEL_EXPORTER_OTLP_ENDPOINT; 4318 is its port for OTLP/HTTP.",
        "",
    )
    assert monitoring.check_collector({}, 1).status is CheckStatus.OK
