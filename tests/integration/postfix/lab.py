"""Mail servers with their own settings or faults, on a network with its own sandbox."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final, Self

import yaml
from docker.client import DockerClient
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from tests.integration import images
from tests.integration.images import TAG
from tests.integration.postfix.containers import (
    NO_HEALTHCHECK,
    SANDBOX,
    Probe,
    Receiver,
    Relay,
    Server,
    client_container,
)
from tests.integration.stack import ROOT, Json, until

MAIL_SERVER: Final = f"dinky-mail/mail-server:{TAG}"
PRODUCTION: Final[Json] = yaml.safe_load((ROOT / "docker-compose.mail.prod.yml").read_text())["services"]["mail-server"]

DOMAIN: Final = "shop.example"
HOSTNAME: Final = "mail.shop.example"
OWNER: Final = "owner@inbox.example"
USER: Final = "admin"
PASSWORD: Final = "lab-password"
RELAY: Final = "relay.lab"
RELAY_PASSWORD: Final = "sandboxapppasswd"

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
    def receiver(self, *names: str) -> Iterator[Receiver]:
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


def _on_loopback(*ports: int) -> dict[str, Any]:
    """Return docker-py's mapping of ports to free ports of this machine's loopback address."""
    return {f"{port}/tcp": ("127.0.0.1",) for port in ports}
