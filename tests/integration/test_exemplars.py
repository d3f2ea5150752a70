"""Exemplars in a real Prometheus lead to the trace of a mail."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest
from testcontainers.core.container import DockerContainer

from tests.integration.stack import SANDBOX, Stack, until

IMAGE: Final = "prom/prometheus:v3.4.0"
COMMAND: Final = (
    "--config.file=/configuration/prometheus.yml --storage.tsdb.path=/prometheus --enable-feature=exemplar-storage"
)
CONFIGURATION: Final = """
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: mail
    static_configs: [{targets: ["mail-api:9464", "mail-exporter:9154"]}]
"""
HISTOGRAMS: Final = {
    "POST /send": 'http_request_duration_seconds_bucket{handler="/send"}',
    "submission": "mail_api_submission_duration_seconds_bucket",
    "delivery": 'postfix_delivery_stage_seconds_bucket{stage="transmission"}',
    "whole life": 'postfix_delivery_duration_seconds_bucket{outcome="sent"}',
}


@pytest.fixture(scope="module")
def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a Prometheus that scrapes both services and stores exemplars."""
    folder: Path = tmp_path_factory.mktemp("prometheus")
    folder.chmod(0o755)
    (folder / "prometheus.yml").write_text(CONFIGURATION)
    container = DockerContainer(IMAGE)
    container.with_command(COMMAND)
    container.with_volume_mapping(str(folder), "/configuration", "ro").with_exposed_ports(9090)
    container.with_kwargs(network=f"{stack.project}_traefik_network")
    with container:
        url = f"http://{container.get_container_host_ip()}:{container.get_exposed_port(9090)}"
        until("Prometheus", lambda: is_ready(stack, url))
        yield url


def is_ready(stack: Stack, url: str) -> bool:
    """Return whether Prometheus answers."""
    try:
        return stack.http.get(f"{url}/-/ready").is_success
    except httpx2.HTTPError:
        return False


def trace_ids(stack: Stack, url: str, query: str, since: float) -> set[str]:
    """Return the trace ids of Prometheus's exemplars for a query."""
    params = {"query": query, "start": str(since), "end": str(time.time() + 60)}
    found = stack.http.get(f"{url}/api/v1/query_exemplars", params=params).json()
    return {exemplar["labels"]["trace_id"] for series in found["data"] for exemplar in series["exemplars"]}


def test_exemplars_reach_prometheus(stack: Stack, prometheus: str, subject: str) -> None:
    """Each histogram has an exemplar in Prometheus with the trace of the mail."""
    since = time.time() - 1
    (trace_id,) = {
        span["trace_id"] for span in stack.trace(stack.send(subject), until_named=("POST /send", "postfix finish"))
    }
    for name, query in HISTOGRAMS.items():
        until(f"exemplar of {name}", lambda query=query: trace_id in trace_ids(stack, prometheus, query, since))  # type: ignore[misc]  # mypy can't infer it
    assert stack.http.get(stack.url(SANDBOX, f"/traces/{trace_id}")).is_success
