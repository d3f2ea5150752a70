"""Starts after a crash, with stale files, on full and on read-only volumes."""

from contextlib import ExitStack

import pytest

from tests.integration.postfix.battery import HELLO
from tests.integration.postfix.containers import Relay
from tests.integration.postfix.lab import DOMAIN, Lab
from tests.integration.postfix.mails import EXTERNAL_RECIPIENT, mail
from tests.integration.stack import until

VOLUMES = {"spool": "/var/spool/postfix", "data": "/var/lib/postfix", "log": "/var/log/mail"}
CRASHES = 5


def test_crash_loop(lab: Lab, relay: Relay, subject: str) -> None:
    """`kill -9` and a restart, again and again: every mail that was accepted between them is delivered once."""
    with lab.server("crashing.lab") as server:
        for crash in range(CRASHES):
            steps = mail(f"{subject} {crash}", sender=f"hi@{DOMAIN}", recipient=EXTERNAL_RECIPIENT)
            assert lab.probe.talk("crashing.lab", 25, HELLO, *steps)[-2].startswith("250 ")
            server.container.kill("SIGKILL")
            server.container.start()
            server.wait_until_started(crash + 2)
        until("an empty queue", lambda: not server.queue())
    received = sorted(one["subject"] for one in relay.mails() if one["subject"].startswith(subject))
    assert received == [f"{subject} {crash}" for crash in range(CRASHES)]


def test_stale_process_id(lab: Lab, relay: Relay, subject: str) -> None:
    """A master.pid with the number of a process that lives, as after a crash, does not prevent the start."""
    with lab.volume("stale") as spool, lab.tool({spool: "/var/spool/postfix"}) as tool:
        tool.run("sh", "-c", "mkdir -p /var/spool/postfix/pid && echo 1 >/var/spool/postfix/pid/master.pid")
        with lab.server("stale.lab", volumes={spool: "/var/spool/postfix"}):
            steps = mail(subject, sender=f"hi@{DOMAIN}", recipient=EXTERNAL_RECIPIENT)
            lab.probe.talk("stale.lab", 25, HELLO, *steps)
            relay.received(subject)


@pytest.mark.parametrize("name", VOLUMES)
def test_start_on_a_full_volume(lab: Lab, relay: Relay, subject: str, name: str) -> None:
    """The server starts although a volume is full; once there is room, mail is accepted and delivered."""
    junk = f"{VOLUMES[name]}/junk"
    with ExitStack() as stack:
        volumes = {stack.enter_context(lab.small_volume(one)): target for one, target in VOLUMES.items()}
        # It keeps the volumes, which are in memory, while the server does not run.
        keeper = stack.enter_context(lab.tool(volumes))
        # Postfix accepts mail while the spool has room for 1.5 times its largest mail.
        variables = {"MESSAGE_SIZE_LIMIT": "100000"}
        with lab.server("filled.lab", variables=variables, volumes=volumes):
            pass
        keeper.run("sh", "-c", f"cat /dev/zero >{junk} 2>/dev/null || true")
        server = stack.enter_context(lab.server("filled.lab", variables=variables, volumes=volumes))
        keeper.run("rm", junk)
        steps = mail(subject, sender=f"hi@{DOMAIN}", recipient=EXTERNAL_RECIPIENT)
        accepted = lab.probe.talk("filled.lab", 25, HELLO, *steps)[-2]
        assert accepted.startswith("250 "), server.printed()
        relay.received(subject)


@pytest.mark.parametrize("name", VOLUMES)
def test_start_on_a_read_only_volume(lab: Lab, name: str) -> None:
    """One line names the folder and the fix; the server does not start."""
    with lab.volume(f"read-only-{name}") as volume:
        container = lab.build("locked.lab", read_only={volume: VOLUMES[name]})
        with container as running:
            wrapped = running.get_wrapped_container()
            assert wrapped.wait()["StatusCode"] == 73
            lines = [line for line in wrapped.logs().decode().splitlines() if "not started" in line]
    fix = "mount its volume without :ro, and check the disk (docs/troubleshooting.md#disk)"
    assert lines == [f"mail-server: not started: {VOLUMES[name]} cannot be written: {fix}"]
