"""Every mail that was answered 250 is delivered, whatever happens to the container, the relay or the disk."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count

from tests.integration.postfix.battery import HELLO
from tests.integration.postfix.containers import Relay, Server
from tests.integration.postfix.dialogue import CLOSED
from tests.integration.postfix.lab import DOMAIN, Lab
from tests.integration.postfix.mails import EXTERNAL_RECIPIENT, mail
from tests.integration.stack import until

MAILS = 200
VOLUMES = {"spool": "/var/spool/postfix", "data": "/var/lib/postfix", "log": "/var/log/mail"}


def subjects(relay: Relay) -> Counter[str]:
    """Return how many times each mail was delivered, by its subject."""
    return Counter(mail["subject"] for mail in relay.mails())


def duplicates(relay: Relay) -> int:
    """Return how many mails were delivered more than once."""
    return sum(times > 1 for times in subjects(relay).values())


def wait_for_all(relay: Relay, accepted: list[str]) -> None:
    """Return when every accepted mail was delivered.

    Raises:
        TimeoutError: some were not; the message has their subjects.
    """
    until(f"{len(accepted)} mails at the relay", lambda: set(accepted) <= set(subjects(relay)))


def test_killed_while_busy(lab: Lab, relay: Relay) -> None:
    """`kill -9` of the container under load: each mail that was answered 250 is delivered after the next start."""
    ids = [f"killed {number:03}" for number in range(MAILS)]
    with lab.server("killed.lab") as server, ThreadPoolExecutor() as pool:
        first = pool.submit(lab.probe.load, "killed.lab", ids)
        until("some mails at the relay", lambda: len(relay.mails()) >= MAILS // 4)
        server.container.kill("SIGKILL")
        accepted = first.result()
        assert len(accepted) < MAILS, "it was killed while mails came in"
        arrived = len(relay.mails())
        server.container.start()
        server.wait_until_started(2)
        accepted += lab.probe.load("killed.lab", [one for one in ids if one not in accepted])
        wait_for_all(relay, accepted)
        until("an empty queue", lambda: not server.queue())
    print(f"killed: {len(accepted)} accepted in the end, {arrived} arrived before, {duplicates(relay)} twice")
    assert set(accepted) == set(ids)
    # A mail whose 250 was lost is sent again: at most one for each connection, in and out.
    assert duplicates(relay) <= 4 + 2


def test_stopped_while_busy(lab: Lab, relay: Relay) -> None:
    """`stop`, `rm` and a new container on the same volumes under load: all mails are delivered, none twice."""
    ids = [f"recreated {number:03}" for number in range(MAILS)]
    with ExitStack() as stack:
        volumes = {stack.enter_context(lab.volume(name)): where for name, where in VOLUMES.items()}
        with lab.server("recreated.lab", volumes=volumes) as server, ThreadPoolExecutor() as pool:
            first = pool.submit(lab.probe.load, "recreated.lab", ids)
            until("some mails at the relay", lambda: len(relay.mails()) >= MAILS // 4)
            # Processes that end while the stop looks for the queue manager among all processes.
            server.container.exec_run(["bash", "-c", "while true; do /bin/true; done"], detach=True)
            server.container.stop(timeout=30)
            accepted = first.result()
            assert server.container.wait()["StatusCode"] == 0, server.printed()
        arrived = len(relay.mails())
        with lab.server("recreated.lab", volumes=volumes) as server:
            wait_for_all(relay, accepted)
            until("an empty queue", lambda: not server.queue())
    print(f"recreated: {len(accepted)} accepted, {arrived} arrived before, {duplicates(relay)} twice")
    assert duplicates(relay) == 0


def test_relay_away(lab: Lab, server: Server, relay: Relay) -> None:
    """While the relay is down mails are deferred; when it is up again each is delivered once."""
    ids = [f"away {number:03}" for number in range(MAILS // 4)]
    with relay.fault("refuse_connection"):
        accepted = lab.probe.load("mail.lab", ids)
        until("all deferred", lambda: {one["queue_name"] for one in server.queue()} == {"deferred"})
        assert relay.mails() == []
    wait_for_all(relay, accepted)
    assert subjects(relay) == Counter(ids)


def test_spool_full(lab: Lab, relay: Relay) -> None:
    """With a full spool a mail is answered 452; accepted mails are delivered when there is space again."""
    ids = [f"full {number:03}" for number in range(60)]
    variables = {"MESSAGE_SIZE_LIMIT": "100000"}
    with lab.server("full.lab", variables=variables, tmpfs={"/var/spool/postfix": "size=3m"}) as server:
        with relay.fault("refuse_connection"):
            accepted = lab.probe.load("full.lab", ids, size=90_000)
            assert 0 < len(accepted) < len(ids)
            answers = lab.probe.talk("full.lab", 25, HELLO, f"MAIL FROM:<hi@{DOMAIN}>")
            assert answers[2] == "452 4.3.1 Insufficient system storage"
            server.wait_for_log("not enough free space in mail queue")
            # No space at all: even the reasons of deferrals cannot be stored.
            server.run("sh", "-c", "cat /dev/zero >/var/spool/postfix/junk 2>/dev/null || true")
            answers = lab.probe.talk("full.lab", 25, HELLO, f"MAIL FROM:<hi@{DOMAIN}>")
            assert answers[2].startswith(("452", "451", "421")) or CLOSED in answers[2]
        server.run("rm", "/var/spool/postfix/junk")
        # With the log and the queue in its error: this failed once, and the cause is not known.
        server.until(f"{len(accepted)} mails at the relay", lambda: set(accepted) <= set(subjects(relay)))
        until("an empty queue", lambda: not server.queue())
        rest = lab.probe.load("full.lab", [one for one in ids if one not in accepted], size=90_000)
        wait_for_all(relay, rest)
    assert sorted([*accepted, *rest]) == ids
    assert duplicates(relay) == 0


def test_log_volume_full(lab: Lab, relay: Relay) -> None:
    """With a full log volume mail is delivered; the log has a gap, and continues when there is space again."""
    with lab.server("mute.lab", tmpfs={"/var/log/mail": "size=256k"}) as server:
        server.run("sh", "-c", "cat /dev/zero >/var/log/mail/junk 2>/dev/null || true")
        ids = [f"mute {number}" for number in range(20)]
        accepted = lab.probe.load("mute.lab", ids)
        assert sorted(accepted) == sorted(ids)
        wait_for_all(relay, ids)
        assert duplicates(relay) == 0
        until("a word of it", lambda: "the log volume is full" in server.printed())
        server.run("rm", "/var/log/mail/junk")
        until("the log revived", lambda: "there is room again: reloading" in server.printed())
        # Lines before the end of the reload are lost too.
        numbers = count()

        def logged() -> str | None:
            steps = mail(f"audible {next(numbers)}", sender=f"hi@{DOMAIN}", recipient=EXTERNAL_RECIPIENT)
            lab.probe.talk("mute.lab", 25, HELLO, *steps)
            log = server.log()
            sent = (one["message_id"] for one in relay.mails() if one["subject"].startswith("audible"))
            return next((one for one in sent if one in log), None)

        message_id = server.until("a mail in the log", logged)
        until("the mail on standard output", lambda: message_id in server.printed())
        log = server.log()
    mails = relay.mails()
    lost = sum(one["message_id"] not in log for one in mails)
    print(f"log full: {lost} of {len(mails)} mails are not in the log")
    assert lost > 0
