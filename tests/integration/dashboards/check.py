"""`make dashboards-check`: runs every query of the dashboards on the demo, and prints the results.

A separate Prometheus scrapes the demo for some seconds, with the shipped rules, while one mail is sent.
With --prometheus URL that one is used, and nothing is sent.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Final

import httpx2
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from alerts.annotations import read_links
from alerts.render import rule_files
from dashboards.board_files import boards, panels, targets
from dev.demo import services, stack
from tests.integration.alerts.monitoring import Monitoring, configuration
from tests.integration.alerts.tools import PROMETHEUS
from tests.integration.dashboards.evaluate import answers, shown
from tests.integration.stack import until

_NO_ALERTMANAGER: Final = "127.0.0.1:9"
"""The address of an Alertmanager that does not exist, so that no notification is sent."""
_WIDTH: Final = 60


def main() -> int:
    """Print the table; return 1 if a query is invalid or the demo does not run."""
    parser = argparse.ArgumentParser(prog="make dashboards-check", description=__doc__)
    parser.add_argument("--prometheus", metavar="URL", help="ask this one")
    url = parser.parse_args().prometheus
    try:
        if url:
            return _table(url)
        with _prometheus() as own:
            _traffic(own)
            return _table(own)
    except (stack.DemoFailed, AssertionError, httpx2.HTTPError, TimeoutError) as failure:
        print(f"dashboards-check: {failure}", file=sys.stderr)
        return 1


@contextmanager
def _prometheus() -> Iterator[str]:
    if not stack.run(*stack.COMPOSE, "ps", "--quiet").stdout.strip():
        raise stack.DemoFailed("the demo does not run; `make demo` starts it")
    container = DockerContainer(PROMETHEUS).with_kwargs(network=stack.PROJECT).with_exposed_ports(9090)
    container.with_copy_into_container(configuration(_NO_ALERTMANAGER).encode(), "/etc/prometheus/prometheus.yml")
    for name, text in rule_files(read_links()).items():
        container.with_copy_into_container(text.encode(), f"/etc/prometheus/mail/{name}")
    with container.waiting_for(HttpWaitStrategy(9090, "/-/ready")):
        yield f"http://{container.get_container_host_ip()}:{container.get_exposed_port(9090)}"


def _traffic(url: str) -> None:
    with httpx2.Client(base_url=url, timeout=10) as http:
        prometheus = Monitoring(http)
        until(
            "both services scraped", lambda: len(prometheus.query('up{job=~"mail-.+"} == 1')) == len(services.METRICS)
        )
        answer = services.send()
        stack.wait_for("the end of the mail", lambda: services.find_status(answer["status_url"]))
        sent = time.time() + 2
        until("a scrape afterwards", lambda: prometheus.query(f"min(timestamp(up)) > {sent}"))


def _table(url: str) -> int:
    without = {
        (uid, one["title"]): one["fieldConfig"]["defaults"].get("noValue", "")
        for uid, board in boards().items()
        for one in panels(board)
    }
    with httpx2.Client(base_url=url, timeout=10) as http:
        query = Monitoring(http).query
        numbers = shown(query)
        board = ""
        for (uid, title), found in groupby(answers(query), lambda one: (one.asked.board, one.asked.panel)):
            if uid != board:
                board = uid
                print(f"\n{board}\n  {'panel':48} {'series':>6}  values")
            values = {name: value for answer in found for name, value in answer.values.items()}
            text = numbers[uid, title].text if (uid, title) in numbers else _short(values)
            text = text or f"({without.get((uid, title), 'nothing')})"
            print(f"  {title[:48]:48} {len(values):>6}  {text}")
    for plugin in ("loki", "tempo"):
        print(
            f"\n{sum(1 for _ in targets(plugin))} queries to {plugin.title()} were not asked; make contract checks them"
        )
    return 0


def _short(values: dict[str, float]) -> str:
    above = [f"{name}={value:.3g}" if name else f"{value:.3g}" for name, value in values.items() if value]
    text = ", ".join(above) or ("0" if values else "")
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}..."


if __name__ == "__main__":
    sys.exit(main())
