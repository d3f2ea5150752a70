"""The running stack for tests: send mail, switch faults on, read statuses, spans, metrics and the relay's inbox."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import httpx2
from docker.models.containers import Container
from prometheus_client.core import Sample
from prometheus_client.parser import text_string_to_metric_families
from testcontainers.compose import ComposeContainer, DockerCompose
from testcontainers.core.docker_client import DockerClient

from tests.integration import images
from tests.polling import DEADLINE_SECONDS
from tests.polling import until as until  # noqa: PLC0414 - 30 modules have it from here

ROOT: Final = Path(__file__).resolve().parents[2]
RECIPIENT: Final = "recipient@example.com"

API: Final = ("mail-api", 20001)
API_METRICS: Final = ("mail-api", 9464)
EXPORTER: Final = ("mail-exporter", 9154)
SANDBOX: Final = ("sandbox-relay", 8080)
HEALTH_PORTS: Final = dict((API, EXPORTER))
"""Where a service answers GET /health; its health check starts a process, and is run when there is an answer."""

Json = dict[str, Any]


@cache
def project_name() -> str:
    """Return the Compose project of this checkout and this worker of pytest-xdist, and set COMPOSE_PROJECT_NAME to it.

    So two checkouts, or two workers, do not take each other's stack down.
    """
    parts = (
        os.environ.get("COMPOSE_PROJECT_NAME") or f"dinky-mail-test-{images.CHECKOUT}",
        os.environ.get("PYTEST_XDIST_WORKER"),
    )
    name = os.environ["COMPOSE_PROJECT_NAME"] = "-".join(part for part in parts if part)
    return name


class Stack:
    """The services under test, with the sandbox as relay, collector and webhook.

    Args:
        overlay: the middle of the name of an additional compose file, for a separate stack.
    """

    def __init__(self, overlay: str | None = None) -> None:
        project = project_name()
        self.project = f"{project}-{overlay}" if overlay else project
        """The Compose project, whose name is the beginning of its networks' names."""
        files = [*images.FILES, *([f"tests/integration/docker-compose.{overlay}.yml"] if overlay else [])]
        self.compose = DockerCompose(ROOT, files, env_file="sandbox/sandbox.env", wait=False)
        if overlay:
            self.compose.compose_command_property.extend(("--project-name", self.project))
        self._services: dict[str, ComposeContainer] = {}
        self._containers: dict[str, Container] = {}
        self._variables: dict[str, str] = {}
        self.http = httpx2.Client(timeout=DEADLINE_SECONDS)

    @contextmanager
    def running(self) -> Iterator["Stack"]:
        """Start the stack, and remove it at the end."""
        images.build()
        self.compose.stop()  # of an interrupted run
        with self.http:
            try:
                # First, as in production: the exporter reads queue and certificate at its start, and a failure again
                # some seconds later only.
                self.start("mail-server")
                self.start()
                yield self
            finally:
                self.command("kill")  # a clean end takes seconds, and everything is removed
                self.compose.stop()

    def address(self, service: str, port: int) -> tuple[str, int]:
        """Return the host and the port at which a port of a service is published."""
        published = self._service(service).get_publisher(by_port=port).normalize()
        return str(published.URL), int(published.PublishedPort or 0)

    def url(self, service: tuple[str, int], path: str = "") -> str:
        """Return the URL of a service's published port."""
        return "http://{}:{}".format(*self.address(*service)) + path

    def _service(self, name: str) -> ComposeContainer:
        if name not in self._services:
            self._services = {str(one.Service): one for one in self.compose.get_containers(include_all=True)}
        return self._services[name]

    def command(self, *arguments: str) -> None:
        """Run a Docker Compose command such as `stop mail-server`."""
        # Published port numbers change at each start, and containers can be created anew.
        self._services.clear()
        self._containers.clear()
        command = [*self.compose.compose_command_property, *arguments]
        environment = os.environ | self._variables
        ended = subprocess.run(  # noqa: S603 - Compose
            command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment
        )
        assert ended.returncode == 0, f"{command} ended with {ended.returncode}: {ended.stderr}"

    def start(self, *services: str) -> None:
        """Create and start what does not run of these services, by default all, and wait until they are healthy."""
        self.command("up", "--detach", *services)
        self.wait_until_healthy(*services)

    def wait_until_healthy(self, *services: str) -> None:
        """Return when each service's health check succeeds, by default all; a disabled one is that of the image."""
        every = [str(one.Service) for one in self.compose.get_containers(include_all=True)]
        for service in services or every:
            container = self.container(service)
            check = _health_check(container.attrs)
            if check == ["NONE"]:
                check = _health_check(container.image.attrs)
            if service in HEALTH_PORTS:
                until(f"{service} answering", partial(self._answers, (service, HEALTH_PORTS[service])))
            if check:
                until(f"{service} healthy", partial(_succeeds, container, check[1:]))

    def _answers(self, service: tuple[str, int]) -> bool:
        try:
            return self.http.get(self.url(service, "/health")).is_success
        except httpx2.TransportError:
            return False

    @contextmanager
    def variables(self, values: Mapping[str, str], *services: str) -> Iterator[None]:
        """Recreate services with these variables, and afterwards with the usual ones."""
        self._variables = dict(values)
        try:
            self.start(*services)
            yield
        finally:
            self._variables = {}
            self.start(*services)

    def network(self) -> str:
        """Return the name of the network that containers outside of the project join."""
        return f"{self.project}_traefik_network"

    def container(self, service: str) -> Container:
        """Return the running container of a service."""
        if service not in self._containers:
            self._containers[service] = DockerClient().client.containers.get(str(self._service(service).ID))
        return self._containers[service]

    def image(self, service: str) -> Json:
        """Return Docker's description of the image that the service runs."""
        image: Json = self.container(service).image.attrs
        return image

    def execute(self, service: str, *command: str) -> str:
        """Run a command in a service's container and return its output."""
        stdout, _, status = self.compose.exec_in_container(list(command), service)
        assert status == 0, f"{command} ended with {status}: {stdout}"
        return stdout

    def logs(self, service: str) -> str:
        """Return the output of the service's container."""
        return "".join(self.compose.get_logs(service))

    def post(self, payload: Json, **headers: str) -> httpx2.Response:
        """Post to /send and return the response."""
        return self.http.post(self.url(API, "/send"), json=payload, headers=headers)

    def send(self, subject: str, **fields: Any) -> str:  # noqa: ANN401 - any JSON
        """Send a mail through the API and return its id."""
        response = self.post({"to": RECIPIENT, "subject": subject, "body": "Hello"} | fields)
        assert response.status_code == 200, response.text
        return str(response.json()["id"])

    def api_key(self, name: str, *options: str) -> dict[str, str]:
        """Create an API key, and return the header with it."""
        key = self.execute("mail-api", "mail-ledger", "api-key", "create", name, *options)
        return {"Authorization": f"Bearer {key.strip()}"}

    def look_up(self, path: str, headers: Mapping[str, str] | None = None) -> Json:
        """Return the JSON of a GET request to the API."""
        found: Json = self.http.get(self.url(API, path), headers=headers).raise_for_status().json()
        return found

    def status(self, message_id: str, state: str, seconds: float = DEADLINE_SECONDS) -> Json:
        """Wait until a mail has that state in the API, and return its status."""

        def look() -> Json | None:
            found = self.look_up(f"/messages/{message_id}")
            return found if found["state"] == state else None

        return until(f"{message_id} {state}", look, seconds)

    def find_mail(self, subject: str) -> Json | None:
        """Return the mail with that subject from the sandbox's inbox, or None."""
        found: list[Json] = self.http.get(self.url(SANDBOX, "/messages"), params={"subject": subject}).json()
        return found[0] if found else None

    def received(self, subject: str) -> Json:
        """Wait for the mail with that subject in the sandbox's inbox."""
        return until(f"mail {subject!r} at the relay", lambda: self.find_mail(subject))

    def count_mails(self) -> int:
        """Return how many mails the relay has accepted since its start."""
        return int(self.http.get(self.url(SANDBOX, "/health")).json()["messages"])

    def spans(self, message_id: str) -> list[Json]:
        """Return the received spans of the trace of a mail, by start time."""
        # Newest first, and limited: reading those of an earlier load test would take minutes.
        for trace in self.http.get(self.url(SANDBOX, "/traces"), params={"limit": 50}).json():
            spans: list[Json] = self.http.get(self.url(SANDBOX, f"/traces/{trace['trace_id']}")).json()["spans"]
            if any(span["attributes"].get("mail.message_id") == message_id for span in spans):
                return [span | {"trace_id": trace["trace_id"]} for span in spans]
        return []

    def trace(self, message_id: str, *, until_named: tuple[str, ...]) -> list[Json]:
        """Wait until the trace has spans of these names (as often as named), and return all of its spans."""

        def look() -> list[Json] | None:
            spans = self.spans(message_id)
            names = [span["name"] for span in spans]
            return spans if all(names.count(name) >= until_named.count(name) for name in until_named) else None

        return until(f"spans {until_named} of {message_id}", look)

    def value(self, service: tuple[str, int], name: str, **labels: str) -> float:
        """Return the current value of a sample.

        Raises:
            KeyError: the sample does not exist.
        """
        for sample in self.samples(service, name):
            if sample.name == name and sample.labels == labels:
                return sample.value
        raise KeyError(f"{name}{labels}")

    def samples(self, service: tuple[str, int], beginning: str = "") -> list[Sample]:
        """Return the samples that the service exposes, whose names have this beginning."""
        text = self.http.get(self.url(service, "/metrics")).text
        # Filtered before they are parsed, which takes much longer than the request.
        wanted = "".join(line for line in text.splitlines(keepends=True) if line.startswith(beginning))
        return [sample for family in text_string_to_metric_families(wanted) for sample in family.samples]

    @contextmanager
    def fault(self, name: str, **parameters: Any) -> Iterator[None]:  # noqa: ANN401 - any JSON
        """Switch a fault of the relay on for a while."""
        switch = self.url(SANDBOX, f"/faults/{name}")
        self.http.put(switch, json=parameters).raise_for_status()
        try:
            yield
        finally:
            self.http.delete(switch).raise_for_status()


def _health_check(described: Json) -> list[str]:
    """Return the health check in Docker's description of a container or an image: its kind and the command."""
    return list(described["Config"].get("Healthcheck", {}).get("Test", ()))


def _succeeds(container: Container, command: list[str]) -> bool:
    return bool(container.exec_run(command).exit_code == 0)
