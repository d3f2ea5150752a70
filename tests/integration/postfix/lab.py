"""Mail servers with their own settings or faults, on a network with its own sandbox."""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Self

import httpx2
import yaml
from docker.client import DockerClient
from docker.models.containers import Container
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from tests.integration import images
from tests.integration.images import TAG
from tests.integration.postfix import dialogue
from tests.integration.stack import ROOT, Json, until
from tests.polling import DEADLINE_SECONDS, T

MAIL_SERVER: Final = f"dinky-mail/mail-server:{TAG}"
SANDBOX: Final = f"dinky-mail/sandbox:{TAG}"
PRODUCTION: Final[Json] = yaml.safe_load((ROOT / "docker-compose.mail.prod.yml").read_text())["services"]["mail-server"]

DOMAIN: Final = "shop.example"
HOSTNAME: Final = "mail.shop.example"
OWNER: Final = "owner@inbox.example"
USER: Final = "admin"
PASSWORD: Final = "lab-password"
RELAY: Final = "relay.lab"
RELAY_PASSWORD: Final = "sandboxapppasswd"
LOG: Final = "/var/log/mail/mail.log"
NO_HEALTHCHECK: Final[Json] = {"test": ["NONE"]}
"""For containers whose health no test reads: each check starts a process, and many containers run at the same time."""

IDENTITY: Final = {
    "MAIL_DOMAIN": DOMAIN,
    "MAIL_HOSTNAME": HOSTNAME,
    "MAIL_USER": USER,
    "MAIL_PASSWORD": PASSWORD,
    "DEFAULT_FROM": f"hi@{DOMAIN}",
    "FORWARD_EMAIL": OWNER,
}
WAY_OUT: Final = {
    "SMTP_RELAY_HOST": RELAY,
    "SMTP_RELAY_PORT": "587",
    "SMTP_RELAY_USERNAME": "sandbox@gmail.example",
    "SMTP_RELAY_PASSWORD": RELAY_PASSWORD,
    "SMTP_RELAY_CA_FILE": "/certs/ca.pem",
}
QUICK: Final = {
    "RELAY_RATE_DELAY": "0s",
    "QUEUE_RUN_DELAY": "1s",
    # Not below 2s: Postfix counts in whole seconds, and would retry a mail before its attempt has ended.
    "MINIMAL_BACKOFF_TIME": "2s",
    "MAXIMAL_BACKOFF_TIME": "2s",
    "MAIL_LOG_ADDRESSES": "full",
}


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
        self._url = url

    def _ask(self, method: str, path: str, **request: Any) -> httpx2.Response:  # noqa: ANN401 - httpx's
        return httpx2.request(method, self._url + path, timeout=30, **request).raise_for_status()

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
        envelope = {"sender": f"hi@{DOMAIN}", "recipient": "someone@example.com"} | envelope
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


class Lab:
    """A network with a sandbox, a probe and any number of mail servers."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.docker = DockerClient.from_env()
        self.name = f"dinky-lab-{uuid.uuid4().hex[:8]}"

    def __enter__(self) -> Self:
        images.build()
        with ExitStack() as stack:
            self.network = stack.enter_context(Network())
            certificates = stack.enter_context(self.volume("certs"))
            sandbox = DockerContainer(SANDBOX).with_network(self.network).with_network_aliases(RELAY)
            sandbox.with_envs(SANDBOX_HOSTNAMES=RELAY, SANDBOX_DAILY_LIMIT="100000").with_volume_mapping(
                certificates, "/certs", "rw"
            )
            sandbox.with_kwargs(healthcheck=NO_HEALTHCHECK).ports = _on_loopback(8080)
            stack.enter_context(sandbox)
            self.certificates = certificates
            self.relay = Relay(f"http://127.0.0.1:{sandbox.get_exposed_port(8080)}")
            self.probe = stack.enter_context(self.probe_on(self.network))
            until("the lab's relay", self.relay.answers)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self.docker.close()

    @contextmanager
    def volume(self, name: str) -> Iterator[str]:
        """Yield the name of a volume, which is removed at the end; it is created by its first use."""
        full = f"{self.name}-{name}"
        volume = self.docker.volumes.create(full)
        try:
            yield full
        finally:
            volume.remove()

    @contextmanager
    def small_volume(self, name: str) -> Iterator[str]:
        """Yield the name of a volume of 4 MB in memory, whose content ends with the last container that mounts it."""
        full = f"{self.name}-small-{name}"
        options = {"type": "tmpfs", "device": "tmpfs", "o": "size=4m"}
        volume = self.docker.volumes.create(full, driver="local", driver_opts=options)
        try:
            yield full
        finally:
            volume.remove()

    @contextmanager
    def probe_on(self, network: Network) -> Iterator[Probe]:
        """Yield a probe on a network."""
        with client_container().with_network(network) as container:
            yield Probe(container.get_wrapped_container())

    @contextmanager
    def sandbox(self, *names: str, **variables: str) -> Iterator[Relay]:
        """Have one more relay for a while, with the CA of the lab's."""
        container = DockerContainer(SANDBOX).with_network(self.network).with_network_aliases(*names)
        container.with_envs(**{"SANDBOX_HOSTNAMES": ",".join(names), "SANDBOX_DAILY_LIMIT": "100000"} | variables)
        container.with_volume_mapping(self.certificates, "/certs", "rw").with_kwargs(
            user="0", healthcheck=NO_HEALTHCHECK
        )
        container.ports = _on_loopback(8080)
        with container as running:
            found = Relay(f"http://127.0.0.1:{running.get_exposed_port(8080)}")
            until("the relay", found.answers)
            yield found

    @contextmanager
    def receiver(self, *names: str) -> Iterator["Receiver"]:
        """Yield a mail server that accepts all mail at port 25, as another domain's would."""
        listen = ["python3", "-m", "aiosmtpd", "-n", "-d", "-d", "-l", "0.0.0.0:25", "-c"]
        container = DockerContainer(SANDBOX).with_network(self.network).with_network_aliases(*names)
        container.with_kwargs(entrypoint=[*listen, "aiosmtpd.handlers.Debugging", "stdout"], healthcheck=NO_HEALTHCHECK)
        with container as running:
            receiver = Receiver(running.get_wrapped_container())
            until("the receiver listening", lambda: "Starting asyncio loop" in receiver.printed())
            yield receiver

    @contextmanager
    def tool(self, volumes: Mapping[str, str], network: Network | None = None) -> Iterator[Server]:
        """Yield a container with the mail server's image and no running server, to prepare or read files."""
        container = DockerContainer(MAIL_SERVER, network=network)
        container.with_kwargs(entrypoint=["sleep", "infinity"], init=True, healthcheck=NO_HEALTHCHECK)
        for source, target in volumes.items():
            container.with_volume_mapping(source, target, "rw")
        with container:
            yield Server(container.get_wrapped_container())

    @contextmanager
    def server(self, name: str, **options: Any) -> Iterator[Server]:  # noqa: ANN401 - those of `build`
        """Yield a mail server; `name` is its name on the network."""
        container = self.build(name, **options)
        with container:
            server = Server(container.get_wrapped_container())
            server.wait_until_started()
            yield server

    def build(  # noqa: PLR0913 - each has its default
        self,
        name: str,
        *,
        variables: Mapping[str, str | None] | None = None,
        volumes: Mapping[str, str] | None = None,
        read_only: Mapping[str, str] | None = None,
        tmpfs: Mapping[str, str] | None = None,
        ports: Mapping[str, Any] | None = None,
        command: list[str] | None = None,
        hosts: Mapping[str, str] | None = None,
    ) -> DockerContainer:
        """Return a mail server that has not been started, with production's privileges.

        Args:
            name: its name on the network.
            variables: added to the usual ones; None removes one.
            volumes: volume or path → mount point.
            read_only: the same, mounted read-only.
            tmpfs: mount point → size and mode, besides production's.
            ports: published ports and addresses; the default is loopback for 25, 2525 and 587.
            command: instead of `run`.
            hosts: name → address in its /etc/hosts, as extra_hosts of Compose.
        """
        container = DockerContainer(MAIL_SERVER).with_network(self.network).with_network_aliases(name)
        settings = IDENTITY | WAY_OUT | QUICK | dict(variables or {})
        container.with_envs(**{name: value for name, value in settings.items() if value is not None})
        container.with_volume_mapping(self.certificates, "/certs", "ro")
        for source, target in (volumes or {}).items():
            container.with_volume_mapping(source, target, "rw")
        for source, target in (read_only or {}).items():
            container.with_volume_mapping(source, target, "ro")
        container.ports = dict(ports) if ports is not None else _on_loopback(25, 2525, 587)
        if command:
            container.with_command(command)
        container.tmpfs = dict.fromkeys(PRODUCTION["tmpfs"], "") | dict(tmpfs or {})
        return container.with_kwargs(
            hostname=settings.get("MAIL_HOSTNAME") or HOSTNAME,
            read_only=PRODUCTION["read_only"],
            cap_drop=PRODUCTION["cap_drop"],
            cap_add=PRODUCTION["cap_add"],
            security_opt=PRODUCTION["security_opt"],
            extra_hosts=dict(hosts or {}),
        )


def client_container(**options: str) -> DockerContainer:
    """Return an idle container with Python and this folder's dialogue.py; options are docker-py's."""
    container = DockerContainer(SANDBOX).with_kwargs(
        entrypoint=["sleep", "infinity"], init=True, healthcheck=NO_HEALTHCHECK, **options
    )
    return container.with_volume_mapping(str(Path(dialogue.__file__)), "/dialogue.py", "ro")


def _on_loopback(*ports: int) -> dict[str, Any]:
    """Return docker-py's mapping of ports to free ports of this machine's loopback address."""
    return {f"{port}/tcp": ("127.0.0.1",) for port in ports}
