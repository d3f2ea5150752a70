"""A Prometheus and an Alertmanager beside the stack, with the shipped rules and routes, sixty times as fast."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx2
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from alerts.annotations import read_links
from alerts.render import rule_files
from alerts.routes.render import whole
from alerts.routes.settings import RouteSettings
from alerts.yaml_text import dump
from tests.integration.alerts.tools import ALERTMANAGER, PROMETHEUS
from tests.integration.stack import Stack

SPEED: Final = 60
"""The factor by which the drill divides all times of rules and routes: minutes become seconds."""

WEBHOOK: Final = "http://sandbox-relay:8080/notifications"
_TARGETS: Final = {"mail-api": "mail-api:9464", "mail-exporter": "mail-exporter:9154"}
_RULES: Final = "/etc/prometheus/mail"
_COMMAND: Final = (
    "--config.file=/etc/prometheus/prometheus.yml",
    "--storage.tsdb.path=/prometheus",
    # Alerts that fire in the first seconds, before Prometheus has found Alertmanager, are sent again after this time.
    "--rules.alert.resend-delay=10s",
)

Json = dict[str, Any]


class Monitoring:
    """A running Prometheus.

    Args:
        http: a client of its API.
    """

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http
        self.url = str(http.base_url)
        """The URL from this machine."""

    def query(self, expression: str) -> list[Json]:
        """Return the result of an instant query; fail with Prometheus's error if the query is invalid."""
        answer = self._http.get("/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        found: list[Json] = answer["data"]["result"]
        return found

    def firing(self) -> set[str]:
        """Return the names of the firing alerts, silenced or not."""
        return {one["metric"]["alertname"] for one in self.query('ALERTS{alertstate="firing"}')}

    def rules(self) -> list[Json]:
        """Return all rules as Prometheus loaded them, with their health."""
        groups = self._http.get("/api/v1/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


@contextmanager
def monitored(stack: Stack) -> Iterator[Monitoring]:
    """Scrape the stack as Dinky Server does, and send alerts to the sandbox, which works without the mail server."""
    network = stack.network()
    routes = RouteSettings.model_construct(alert_webhook_url=WEBHOOK, alert_deadman_url=WEBHOOK)
    alertmanager = (
        _container(ALERTMANAGER, network, 9093)
        .with_copy_into_container(whole(routes, SPEED).encode(), "/etc/alertmanager/alertmanager.yml")
        .waiting_for(HttpWaitStrategy(9093, "/-/ready"))
    )
    with alertmanager:
        address = alertmanager.get_wrapped_container()
        address.reload()
        sink = f"{address.attrs['NetworkSettings']['Networks'][network]['IPAddress']}:9093"
        prometheus = (
            _container(PROMETHEUS, network, 9090)
            .with_command(list(_COMMAND))
            .with_copy_into_container(configuration(sink).encode(), "/etc/prometheus/prometheus.yml")
        )
        for name, text in rule_files(read_links(), SPEED).items():
            prometheus.with_copy_into_container(text.encode(), f"{_RULES}/{name}")
        with prometheus.waiting_for(HttpWaitStrategy(9090, "/-/ready")):
            url = f"http://{prometheus.get_container_host_ip()}:{prometheus.get_exposed_port(9090)}"
            with httpx2.Client(base_url=url, timeout=10) as http:
                yield Monitoring(http)


def configuration(alertmanager: str) -> str:
    """Return a prometheus.yml that scrapes both services each second, under Dinky Server's job names."""
    return dump(
        {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [f"{_RULES}/*.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in _TARGETS.items()
            ],
        },
        "The fire drill's.",
    )


def _container(image: str, network: str, port: int) -> DockerContainer:
    return DockerContainer(image).with_kwargs(network=network).with_exposed_ports(port)
