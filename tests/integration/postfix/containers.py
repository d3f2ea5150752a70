"""Containers that tests talk to: a mail server, its relay, a probe, and the mail server of another domain."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
from docker.models.containers import Container
from testcontainers.core.container import DockerContainer

from tests.integration.images import TAG
from tests.integration.postfix import dialogue
from tests.integration.stack import Json, until
from tests.polling import DEADLINE_SECONDS, T

SANDBOX: Final = f"dinky-mail/sandbox:{TAG}"
LOG: Final = "/var/log/mail/mail.log"
NO_HEALTHCHECK: Final[Json] = {"test": ["NONE"]}
"""For containers whose health no test reads: each check starts a process, and many containers run at the same time."""


class Server:
    """A running mail server."""

    def __init__(self, container: Container) -> None:
        self.container = container

    def door(self, port: int) -> tuple[str, int]:
        """Return the address of a port for this machine: the published one, else that of the container."""
        self.container.reload()
        for one in self.container.attrs["NetworkSettings"]["Ports"].get(f"{port}/tcp") or ():
            return str(one["HostIp"]), int(one["HostPort"])
        return self.address, port

    @property
    def address(self) -> str:
        """The server's address on that network."""
        return str(self._networks[self.network]["IPAddress"])

    @property
    def network(self) -> str:
        """The network on which other services and the host connect to it."""
        return next(name for name in sorted(self._networks) if "internal" not in name)

    @property
    def _networks(self) -> dict[str, Any]:
        self.container.reload()
        networks: dict[str, Any] = self.container.attrs["NetworkSettings"]["Networks"]
        return networks

    @property
    def settings(self) -> dict[str, str]:
        """The environment variables of the container."""
        pairs = (item.partition("=") for item in self.container.attrs["Config"]["Env"])
        return {name: value for name, _, value in pairs}

    def talk(self, port: int, *script: str) -> list[str]:
        """Run a dialogue from this machine, whose client address is the network's gateway."""
        return dialogue.talk(*self.door(port), script)

    def run(self, *command: str, **options: Any) -> str:  # noqa: ANN401 - docker-py's
        """Run a command in it and return its standard output and error."""
        status, printed = self.container.exec_run(list(command), **options)
        text = str(printed.decode("utf-8", "replace"))
        assert status == 0, f"{command} ended with {status}: {text}"
        return text

    def log(self) -> str:
        """Return the whole mail log, oldest file first."""
        return self.run("sh", "-c", f"zcat --force $(ls {LOG}.[0-9]* 2>/dev/null) </dev/null; cat {LOG}")

    def printed(self) -> str:
        """Return the output of `docker logs`."""
        return str(self.container.logs().decode("utf-8", "replace"))

    def until(self, what: str, look: Callable[[], T | None], seconds: float = DEADLINE_SECONDS) -> T:
        """Return the first true result of `look`; the error of a time-out has the end of the log and the queue."""
        try:
            return until(what, look, seconds)
        except TimeoutError as error:
            error.add_note(f"{self.log()[-6000:]}\n{self.queue()}")
            raise

    def wait_for_log(self, *wanted: str, seconds: float = DEADLINE_SECONDS) -> str:
        """Return the log when it contains all of the texts."""

        def look() -> str | None:
            log = self.log()
            return log if all(text in log for text in wanted) else None

        return until(f"{wanted} in the mail log", look, seconds)

    def queue(self) -> list[Json]:
        """Return the mails in its queue."""
        return [json.loads(line) for line in self.run("postqueue", "-j").splitlines()]

    def wait_until_started(self, times: int = 1) -> None:
        """Return when Postfix has started that many times."""

        def look() -> bool:
            self.container.reload()
            assert self.container.status == "running", self.printed()
            return self.printed().count("daemon started") >= times

        until("Postfix started", look)


class Relay:
    """The sandbox, by its control page."""

    def __init__(self, url: str) -> None:
        # One client, because each new one reads all CA certificates. It keeps no open connection.
        self._http = httpx2.Client(base_url=url, timeout=30, limits=httpx2.Limits(max_keepalive_connections=0))

    def _ask(self, method: str, path: str, **request: Any) -> httpx2.Response:  # noqa: ANN401 - httpx's
        return self._http.request(method, path, **request).raise_for_status()

    def answers(self) -> bool:
        """Return whether its ports are open."""
        try:
            return bool(self.get("/health")["listening"])
        except httpx2.HTTPError:
            return False

    def get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - any JSON
        """Return the JSON of a path of the control page."""
        return self._ask("GET", path, params=parameters).json()

    def mails(self, **filters: str) -> list[Json]:
        """Return the mails that arrived, newest first."""
        found: list[Json] = self.get("/messages", **filters)
        return found

    def received(self, subject: str, seconds: float = DEADLINE_SECONDS) -> Json:
        """Wait for the mail with that subject."""
        return until(f"mail {subject!r} at the relay", lambda: self.mails(subject=subject), seconds)[0]

    def raw(self, mail: Json) -> bytes:
        """Return the bytes of a mail as they were received."""
        return bytes(self._ask("GET", f"/messages/{mail['id']}/raw").content)

    def count(self) -> int:
        """Return how many mails were received since its start."""
        return int(self.get("/health")["messages"])

    def attempts(self) -> list[Json]:
        """Return every reply of the relay."""
        found: list[Json] = self.get("/attempts")
        return found

    def forget(self) -> None:
        """Delete mails and attempts."""
        self._ask("DELETE", "/messages")
        self._ask("DELETE", "/attempts")

    @contextmanager
    def fault(self, name: str, **parameters: Any) -> Iterator[None]:  # noqa: ANN401 - any JSON
        """Switch a fault on for a while."""
        self._ask("PUT", f"/faults/{name}", json=parameters)
        try:
            yield
        finally:
            self._ask("DELETE", f"/faults/{name}")


class Probe:
    """A container on some network that sends SMTP commands to servers."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def _say(self, what: str, payload: object) -> Any:  # noqa: ANN401 - any JSON
        status, printed = self._container.exec_run(["python3", "/dialogue.py", what, json.dumps(payload)])
        assert status == 0, printed.decode()
        return json.loads(printed)

    def talk(self, host: str, port: int, *script: str) -> list[str]:
        """Run one dialogue and return the replies."""
        return self.talks(host, port, [script])[0]

    def talks(self, host: str, port: int, scripts: list[tuple[str, ...]]) -> list[list[str]]:
        """Run one dialogue after another and return the replies of each."""
        answers: list[list[str]] = self._say("talk", [{"host": host, "port": port, "script": one} for one in scripts])
        return answers

    def load(self, host: str, ids: list[str], *, connections: int = 4, size: int = 1000, **envelope: str) -> list[str]:
        """Send a mail for each id through port 25 and return the ids that were accepted."""
        envelope = {"sender": "hi@shop.example", "recipient": "someone@example.com"} | envelope
        payload = {"host": host, "port": 25, "ids": ids, "connections": connections, "size": size}
        accepted: list[str] = self._say("load", payload | envelope)
        return accepted

    def resolve(self, name: str) -> str:
        """Return the address of a name as containers resolve it."""
        return str(self._container.exec_run(["getent", "ahostsv4", name]).output.decode().split()[0])


class Receiver:
    """A mail server of another domain, which prints commands and mails."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def printed(self) -> str:
        """Return all received commands and mails."""
        return str(self._container.logs().decode("utf-8", "replace"))

    def received(self, subject: str) -> str:
        """Wait for the mail with that subject and return everything received until then."""
        return until(
            f"mail {subject!r} at the receiver",
            lambda: text if f"Subject: {subject}" in (text := self.printed()) else None,
        )


def client_container(**options: str) -> DockerContainer:
    """Return an idle container with Python and this folder's dialogue.py; options are docker-py's."""
    container = DockerContainer(SANDBOX).with_kwargs(
        entrypoint=["sleep", "infinity"], init=True, healthcheck=NO_HEALTHCHECK, **options
    )
    return container.with_volume_mapping(str(Path(dialogue.__file__)), "/dialogue.py", "ro")
