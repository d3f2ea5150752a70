"""Mail servers for tests that need settings or accidents of their own, on a network with a sandbox of their own."""

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
    # Not below 2s: Postfix counts in whole seconds, and would take a mail up again before it is done with it.
    "MINIMAL_BACKOFF_TIME": "2s",
    "MAXIMAL_BACKOFF_TIME": "2s",
    "MAIL_LOG_ADDRESSES": "full",
}


class Server:
    """A running mail server, whoever started it."""

    def __init__(self, container: Container) -> None:
        self.container = container

    def door(self, port: int) -> tuple[str, int]:
        """Return where this machine reaches a port: as published, else at the container's own address."""
        self.container.reload()
        for one in self.container.attrs["NetworkSettings"]["Ports"].get(f"{port}/tcp") or ():
            return str(one["HostIp"]), int(one["HostPort"])
        return self.address, port

    @property
    def address(self) -> str:
        """Its address on that network."""
        return str(self._networks[self.network]["IPAddress"])

    @property
    def network(self) -> str:
        """The network that other services and the host reach it by."""
        return next(name for name in sorted(self._networks) if "internal" not in name)

    @property
    def _networks(self) -> dict[str, Any]:
        self.container.reload()
        networks: dict[str, Any] = self.container.attrs["NetworkSettings"]["Networks"]
        return networks

    @property
    def settings(self) -> dict[str, str]:
        """The variables it was started with."""
        pairs = (item.partition("=") for item in self.container.attrs["Config"]["Env"])
        return {name: value for name, _, value in pairs}

    def talk(self, port: int, *script: str) -> list[str]:
        """Speak to it from this machine, which it sees as its network's gateway."""
        return dialogue.talk(*self.door(port), script)

    def run(self, *command: str, **options: Any) -> str:  # noqa: ANN401 - docker-py's
        """Run a command in it and return what it printed, both streams."""
        status, printed = self.container.exec_run(list(command), **options)
        text = str(printed.decode("utf-8", "replace"))
        assert status == 0, f"{command} ended with {status}: {text}"
        return text

    def log(self) -> str:
        """Return its whole mail log, rotated files first."""
        return self.run("sh", "-c", f"zcat --force $(ls {LOG}.[0-9]* 2>/dev/null) </dev/null; cat {LOG}")

    def printed(self) -> str:
        """Return what `docker logs` shows."""
        return str(self.container.logs().decode("utf-8", "replace"))

    def until(self, what: str, look: Callable[[], object], seconds: float = 30) -> None:
        """Return when `look` finds something; when it doesn't, the error tells the end of the log and the queue."""
        try:
            until(what, look, seconds)
        except TimeoutError as error:
            error.add_note(f"{self.log()[-6000:]}\n{self.queue()}")
            raise

    def wait_for_log(self, *wanted: str, seconds: float = 30) -> str:
        """Return the log, once all that is wanted is in it."""

        def look() -> str | None:
            log = self.log()
            return log if all(text in log for text in wanted) else None

        return until(f"{wanted} in the mail log", look, seconds)

    def queue(self) -> list[Json]:
        """Return the mails in its queue."""
        return [json.loads(line) for line in self.run("postqueue", "-j").splitlines()]

    def wait_until_started(self, times: int = 1) -> None:
        """Return when Postfix has started for that many a time."""

        def look() -> bool:
            self.container.reload()
            assert self.container.status == "running", self.printed()
            return self.printed().count("daemon started") >= times

        until("Postfix started", look)


class Relay:
    """The sandbox as its control page shows it."""

    def __init__(self, url: str) -> None:
        self._url = url

    def _ask(self, method: str, path: str, **request: Any) -> httpx2.Response:  # noqa: ANN401 - httpx's
        return httpx2.request(method, self._url + path, timeout=30, **request).raise_for_status()

    def get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - any JSON
        """Return what the control page answers."""
        return self._ask("GET", path, params=parameters).json()

    def mails(self, **filters: str) -> list[Json]:
        """Return the mails that arrived, newest first."""
        found: list[Json] = self.get("/messages", **filters)
        return found

    def received(self, subject: str, seconds: float = 30) -> Json:
        """Wait for the mail with that subject."""
        return until(f"mail {subject!r} at the relay", lambda: self.mails(subject=subject), seconds)[0]

    def raw(self, mail: Json) -> bytes:
        """Return a mail's bytes as they came."""
        return bytes(self._ask("GET", f"/messages/{mail['id']}/raw").content)

    def count(self) -> int:
        """Return how many mails have arrived since it runs."""
        return int(self.get("/health")["messages"])

    def attempts(self) -> list[Json]:
        """Return every answer that it gave."""
        found: list[Json] = self.get("/attempts")
        return found

    def forget(self) -> None:
        """Make it forget mails and attempts."""
        self._ask("DELETE", "/messages")
        self._ask("DELETE", "/attempts")

    @contextmanager
    def fault(self, name: str, **parameters: Any) -> Iterator[None]:  # noqa: ANN401 - any JSON
        """Make it misbehave for a while."""
        self._ask("PUT", f"/faults/{name}", json=parameters)
        try:
            yield
        finally:
            self._ask("DELETE", f"/faults/{name}")


class Probe:
    """A container on a network of choice that speaks SMTP to others."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def _say(self, what: str, payload: object) -> Any:  # noqa: ANN401 - any JSON
        status, printed = self._container.exec_run(["python3", "/dialogue.py", what, json.dumps(payload)])
        assert status == 0, printed.decode()
        return json.loads(printed)

    def talk(self, host: str, port: int, *script: str) -> list[str]:
        """Hold one dialogue and return the answers."""
        return self.talks(host, port, [script])[0]

    def talks(self, host: str, port: int, scripts: list[tuple[str, ...]]) -> list[list[str]]:
        """Hold one dialogue after another and return the answers of each."""
        answers: list[list[str]] = self._say("talk", [{"host": host, "port": port, "script": one} for one in scripts])
        return answers

    def load(self, host: str, ids: list[str], *, connections: int = 4, size: int = 1000, **envelope: str) -> list[str]:
        """Send a mail for each id through port 25 and return the ids that were accepted."""
        envelope = {"sender": f"hi@{DOMAIN}", "recipient": "someone@example.com"} | envelope
        payload = {"host": host, "port": 25, "ids": ids, "connections": connections, "size": size}
        accepted: list[str] = self._say("load", payload | envelope)
        return accepted

    def resolve(self, name: str) -> str:
        """Return the address of a name, as containers here see it."""
        return str(self._container.exec_run(["getent", "ahostsv4", name]).output.decode().split()[0])


class Receiver:
    """A mail server of somebody else, which prints what it hears."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def printed(self) -> str:
        """Return all commands and mails so far."""
        return str(self._container.logs().decode("utf-8", "replace"))

    def received(self, subject: str) -> str:
        """Wait for the mail with that subject and return all that was heard up to it."""
        return until(
            f"mail {subject!r} at the receiver",
            lambda: text if f"Subject: {subject}" in (text := self.printed()) else None,
        )


class Lab:
    """A network with a sandbox and a probe on it, and mail servers as wanted."""

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
            sandbox.ports = _on_loopback(8080)
            stack.enter_context(sandbox)
            self.certificates = certificates
            self.relay = Relay(f"http://127.0.0.1:{sandbox.get_exposed_port(8080)}")
            self.probe = stack.enter_context(self.probe_on(self.network))
            until("the lab's relay", self._relay_answers)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self.docker.close()

    def _relay_answers(self) -> bool:
        try:
            return bool(self.relay.get("/health")["listening"])
        except httpx2.HTTPError:
            return False

    @contextmanager
    def volume(self, name: str) -> Iterator[str]:
        """Have a volume for a while; it exists from its first use on."""
        full = f"{self.name}-{name}"
        volume = self.docker.volumes.create(full)
        try:
            yield full
        finally:
            volume.remove()

    @contextmanager
    def probe_on(self, network: Network) -> Iterator[Probe]:
        """Have a container that speaks SMTP on a network for a while."""
        with client_container().with_network(network) as container:
            yield Probe(container.get_wrapped_container())

    @contextmanager
    def receiver(self, *names: str) -> Iterator["Receiver"]:
        """Have a plain mail server for a while that takes all mail at port 25, as another domain's would."""
        listen = ["python3", "-m", "aiosmtpd", "-n", "-d", "-d", "-l", "0.0.0.0:25", "-c"]
        container = DockerContainer(SANDBOX).with_network(self.network).with_network_aliases(*names)
        with container.with_kwargs(entrypoint=[*listen, "aiosmtpd.handlers.Debugging", "stdout"]) as running:
            receiver = Receiver(running.get_wrapped_container())
            until("the receiver listening", lambda: "Starting asyncio loop" in receiver.printed())
            yield receiver

    @contextmanager
    def tool(self, volumes: Mapping[str, str], network: Network | None = None) -> Iterator[Server]:
        """Have the mail server's image with nothing running in it for a while, to prepare or look at things."""
        container = DockerContainer(MAIL_SERVER, network=network)
        container.with_kwargs(entrypoint=["sleep", "infinity"], init=True)
        for source, target in volumes.items():
            container.with_volume_mapping(source, target, "rw")
        with container:
            yield Server(container.get_wrapped_container())

    @contextmanager
    def server(self, name: str, **options: Any) -> Iterator[Server]:  # noqa: ANN401 - those of `build`
        """Have a mail server for a while; `name` is its name on the network."""
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
        tmpfs: Mapping[str, str] | None = None,
        ports: Mapping[str, Any] | None = None,
        command: list[str] | None = None,
    ) -> DockerContainer:
        """Return a mail server that has not been started, with the privileges that production gives it.

        Args:
            name: its name on the network.
            variables: on top of the usual ones; None leaves one out.
            volumes: volume or path → where it is mounted.
            tmpfs: where → size and mode, beside production's.
            ports: what is published, and on which addresses; the default is loopback for 25, 2525 and 587.
            command: instead of `run`.
        """
        container = DockerContainer(MAIL_SERVER).with_network(self.network).with_network_aliases(name)
        settings = IDENTITY | WAY_OUT | QUICK | dict(variables or {})
        container.with_envs(**{name: value for name, value in settings.items() if value is not None})
        container.with_volume_mapping(self.certificates, "/certs", "ro")
        for source, target in (volumes or {}).items():
            container.with_volume_mapping(source, target, "rw")
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
        )


def client_container(**options: str) -> DockerContainer:
    """Return a container that has Python, this folder's dialogue, and nothing to do; options are docker-py's."""
    container = DockerContainer(SANDBOX).with_kwargs(entrypoint=["sleep", "infinity"], init=True, **options)
    return container.with_volume_mapping(str(Path(dialogue.__file__)), "/dialogue.py", "ro")


def _on_loopback(*ports: int) -> dict[str, Any]:
    """Return ports as docker-py wants them: at any free port of this machine's loopback address."""
    return {f"{port}/tcp": ("127.0.0.1",) for port in ports}
