"""Upgrade: the current images on the volumes of an older version, and the way back from a newer ledger.

The older version's state is made from a real one: the stack sends mail and stops, then its ledger is written in the
schema of the first version that had API keys, and files of the mail server get their older form.
"""

import io
import os
import smtplib
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import pytest
from docker.models.containers import Container
from sqlalchemy import select
from testcontainers.core.container import DockerContainer

from mail_ledger.engine import connect
from mail_ledger.tables import log_position
from tests.integration.images import TAG
from tests.integration.stack import API, EXPORTER, RECIPIENT, ROOT, SANDBOX, Json, Stack, until
from tests.older_ledger import write_older

FIRST_WITH_KEYS: Final = "0003"
SERVICES_USER: Final = 10001
SENT: Final[Json] = {"to": RECIPIENT, "subject": "sent before the upgrade", "body": "Hello"}
ONCE: Final = {"Idempotency-Key": "order-17"}
WAITING: Final = "deferred before the upgrade"
SRS_SECRET: Final = "/var/lib/postfix/srs.secret"
EVERY_LOG: Final = "zcat --force /var/log/mail/mail.log.[0-9]* 2>/dev/null; cat /var/log/mail/mail.log"
AGE_DATA: Final = f"""
echo old-secret >{SRS_SECRET}
touch --date='3 days ago' /var/lib/postfix/log-rotated
for mail in 1 2 3; do date +%s; done >/var/lib/postfix/forwarding/record
chown nobody:nogroup /var/lib/postfix/forwarding/record
"""
"""The secret, the stamp of the last rotation, and a record of forwards that has times only, as its first version."""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """A stack of this version on the volumes of an older one, and what was known before the upgrade."""

    stack: Stack
    key: dict[str, str]
    sent: Json
    """The status of the mail that was delivered."""
    waiting: str
    """The id of the mail that was deferred."""
    certificate: str
    position: int
    """How many bytes of the log the older exporter had read."""

    def unread_lines(self) -> list[str]:
        """Return the lines of the log behind the older exporter's position, those of rotated files too."""
        log = self.stack.execute("mail-server", "sh", "-c", EVERY_LOG)
        return log.encode()[self.position :].decode().splitlines()


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    """Make the state of an older version, and start the current images on it."""
    with Stack("upgrade").running() as stack:
        key = stack.api_key("shop")
        sent = stack.post(SENT, **key, **ONCE).json()["id"]
        status = stack.status(sent, "relayed")
        certificate = fingerprint(stack)
        with stack.fault("refuse_connection"):
            waiting = stack.send(WAITING)
            stack.status(waiting, "deferred")
            stack.command("stop", "mail-exporter")
            read = deferrals(stack)
            until("an attempt that the exporter has not read", lambda: deferrals(stack) > read)
            stack.command("stop", "mail-api", "mail-server")
            with volumes(stack) as container:
                position = age_ledger(container, tmp_path_factory.mktemp("ledger"))
                run(container, AGE_DATA)
        stack.start()
        yield Upgraded(stack, key, status, waiting, certificate, position)


def fingerprint(stack: Stack) -> str:
    """Return the checksum of the mail server's self-signed certificate."""
    return stack.execute("mail-server", "sh", "-c", "sha256sum /var/lib/postfix/tls/*.crt")


def deferrals(stack: Stack) -> int:
    """Return how many attempts were deferred, by the log."""
    return stack.execute("mail-server", "cat", "/var/log/mail/mail.log").count("status=deferred")


@contextmanager
def volumes(stack: Stack) -> Iterator[Container]:
    """Yield an idle container with the volumes of the stopped stack that are changed."""
    container = DockerContainer(f"dinky-mail/mail-server:{TAG}").with_kwargs(
        entrypoint=["sleep", "infinity"], init=True
    )
    for name, path in (("mail-ledger", "/var/lib/mail-ledger"), ("mail-data", "/var/lib/postfix")):
        container.with_volume_mapping(f"{stack.project}_{name}", path, "rw")
    with container:
        yield container.get_wrapped_container()


def run(container: Container, script: str) -> None:
    """Run a shell script in a container."""
    status, printed = container.exec_run(["bash", "-ec", script])
    assert status == 0, printed.decode()


def owned_by_services(file: tarfile.TarInfo) -> tarfile.TarInfo:
    """Set the owner of the ledger's file."""
    file.uid = file.gid = SERVICES_USER
    return file


def age_ledger(container: Container, folder: Path) -> int:
    """Replace the ledger by one of the first version with API keys, and return its position in the log."""
    chunks, _ = container.get_archive("/var/lib/mail-ledger")
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        archive.extractall(folder, filter="data")
    older = folder / "older.db"
    url = f"sqlite:///{older}"
    write_older(f"sqlite:///{folder}/mail-ledger/ledger.db", url, FIRST_WITH_KEYS)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(older, "ledger.db", filter=owned_by_services)
    run(container, "rm /var/lib/mail-ledger/ledger.db*")
    assert container.put_archive("/var/lib/mail-ledger", packed.getvalue())
    engine = connect(url)
    with engine.connect() as connection:
        position = connection.execute(select(log_position.c.offset)).scalar_one()
    engine.dispose()
    return int(position)


def test_deferred_mail(upgraded: Upgraded) -> None:
    """A mail that waited in the older version's queue is delivered once, and its attempts of both versions are kept."""
    stack = upgraded.stack
    stack.received(WAITING)
    status = stack.status(upgraded.waiting, "relayed")
    log = stack.execute("mail-server", "sh", "-c", EVERY_LOG).splitlines()
    attempts = [line for line in log if f" {status['queue_id']}: to=<" in line]
    assert status["attempts"] == len(attempts)
    assert len(stack.http.get(stack.url(SANDBOX, "/messages"), params={"subject": WAITING}).json()) == 1


def test_mail_of_the_older_version(upgraded: Upgraded) -> None:
    """A mail that was delivered before has the same status."""
    assert upgraded.sent == upgraded.stack.look_up(f"/messages/{upgraded.sent['id']}")


def test_idempotency_key(upgraded: Upgraded) -> None:
    """A request that the older version answered is not sent again; the API key is valid."""
    replayed = upgraded.stack.post(SENT, **upgraded.key, **ONCE)
    assert (replayed.status_code, replayed.headers["Idempotent-Replayed"]) == (200, "true")
    assert upgraded.sent["id"] == replayed.json()["id"]


def test_quota(upgraded: Upgraded) -> None:
    """The recipients of today count, before the upgrade and after it."""
    upgraded.stack.status(upgraded.waiting, "relayed")
    quota = upgraded.stack.look_up("/quota", upgraded.key)
    assert (quota["used"], quota["in_queue"]) == (2, 0)


def test_log_lines(upgraded: Upgraded) -> None:
    """Each line behind the older exporter's position is counted once, also if the log is rotated after the upgrade."""
    stack = upgraded.stack
    is_rotated = ("sh", "-c", "ls /var/log/mail/mail.log.[0-9]* 2>/dev/null || true")
    until("a rotated log", lambda: stack.execute("mail-server", *is_rotated))

    def counted() -> float:
        return sum(sample.value for sample in stack.samples(EXPORTER) if sample.name == "postfix_log_lines_total")

    until("every line counted", lambda: counted() == len(upgraded.unread_lines()))
    assert stack.value(EXPORTER, "mail_exporter_log_gaps_total") == 0


def test_files_of_the_mail_server(upgraded: Upgraded) -> None:
    """Certificate and secret are kept, and forwards on record count."""
    stack = upgraded.stack
    assert upgraded.certificate == fingerprint(stack)
    assert stack.execute("mail-server", "cat", SRS_SECRET) == "old-secret\n"
    host, port = stack.url(("mail-server", 2525)).removeprefix("http://").split(":")
    with smtplib.SMTP(host, int(port)) as client:
        client.ehlo("elsewhere.example")
        client.mail("somebody@elsewhere.example")
        assert b"The daily limit of forwarded mail is reached" in client.rcpt("owner@dinky.example")[1]


def test_way_back(upgraded: Upgraded, tmp_path: Path) -> None:
    """With a newer ledger the exporter stops, the API sends without it, and a restored backup brings both back."""
    stack, file = upgraded.stack, tmp_path / "before-upgrade.db"
    ledger(stack, "backup", FILE=str(file))
    newer = "import sqlite3; sqlite3.connect('/var/lib/mail-ledger/ledger.db', isolation_level=None).execute({!r})"
    stack.execute("mail-api", "python3", "-c", newer.format("UPDATE alembic_version SET version_num = '9999'"))
    stack.command("restart", "mail-api", "mail-exporter")
    until("the error", lambda: "its schema 9999 is newer than this version" in stack.logs("mail-exporter"))
    until("the API", lambda: is_up(stack))
    stack.send("sent without a ledger")
    assert "ledger unreachable (LEDGER_URL)" in stack.logs("mail-api")
    ledger(stack, "restore", FILE=str(file), CONFIRM="yes")
    stack.start()
    assert upgraded.sent == stack.look_up(f"/messages/{upgraded.sent['id']}")
    assert stack.look_up("/quota", upgraded.key)["limit"] > 0


def ledger(stack: Stack, command: str, **variables: str) -> None:
    """Run dev/ledger on the stack."""
    environment = os.environ | {"COMPOSE_PROJECT_NAME": stack.project} | variables
    script = str(ROOT / "dev/ledger")
    subprocess.run([script, command], check=True, env=environment, cwd=ROOT, timeout=100)  # noqa: S603 - ours


def is_up(stack: Stack) -> bool:
    """Return whether the API answers."""
    try:
        return stack.http.get(stack.url(API, "/health")).is_success
    except httpx2.HTTPError:
        return False
