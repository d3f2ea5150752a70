"""The mail log: complete in its file, rotated without loss, masked on standard output, and quiet when idle."""

import datetime as dt
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mail_telemetry.message_ids import message_id_header, new_message_id
from tests.integration.postfix.battery import HELLO
from tests.integration.postfix.containers import LOG, Relay, Server
from tests.integration.postfix.lab import DOMAIN, OWNER, Lab
from tests.integration.postfix.mails import EXTERNAL_RECIPIENT, mail
from tests.integration.stack import until

VISITOR = "visitor@stranger.example"
ADDRESS = re.compile(r"[\w.+=-]{2,}@(?:[\w-]+\.)+[a-z]{2,}")
QUEUE_ID = re.compile(r"\]: (4[0-9A-Za-z]{10,}): ")


@pytest.fixture(scope="module")
def rotating(lab: Lab) -> Iterator[Server]:
    """Return a server that rotates its log at 20 kB, keeps two old files, and prints masked addresses."""
    variables = {"MAIL_LOG_ROTATE_SIZE": "20000", "MAIL_LOG_KEEP": "2", "MAIL_LOG_ADDRESSES": None, "TZ": "JST-9"}
    with lab.server("rotating.lab", variables=variables) as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def aged(lab: Lab) -> Iterator[Server]:
    """Return a server that rotates its log by age; it starts early, since the age is checked every ten seconds."""
    with lab.server("aged.lab", variables={"MAIL_LOG_ROTATE_AGE": "1s"}) as server:
        yield server


def test_rotation_by_size(lab: Lab, rotating: Server, relay: Relay) -> None:
    """A large log is rotated while mail is sent, and no line is missing in the files or on standard output."""
    for old in ("20200101-000000", "20200102-000000", "20200103-000000"):
        rotating.run("sh", "-c", f"echo old | gzip >{LOG}.{old}.gz")
    before = rotating.log()
    ids = [f"rotated {number}" for number in range(60)]
    accepted = lab.probe.load("rotating.lab", ids)
    rounds = iter(range(1000))

    def go_on() -> bool:
        accepted.extend(lab.probe.load("rotating.lab", [f"meanwhile {next(rounds)}"]))
        return rotated_files(rotating) == 2

    until("a rotation, and no more than two old files", go_on)
    until("all at the relay", lambda: len(relay.mails()) == len(accepted))
    # A rotation reloads Postfix; a mail in delivery at that moment is "skipped", and looked at again after a minute.
    rotating.until("an empty queue", lambda: not rotating.queue(), 90)
    lines = rotating.wait_for_log(*(one["message_id"] for one in relay.mails())).removeprefix(before)
    for once in (": client=", ": message-id=", "status=sent", ": removed"):
        assert sorted(count_by_mail(lines, once).values()) == [1] * len(accepted), once
    # Once, and once more after each attempt that was deferred or skipped, as on a busy machine.
    again = count_by_mail(lines, "status=deferred") + count_by_mail(lines, ": skipped")
    assert count_by_mail(lines, "(queue active)") - again == count_by_mail(lines, ": removed")
    assert count_by_mail(lines).keys() == count_by_mail(lines, ": removed").keys()
    per_mail = count_by_mail(lines)
    until("the same on standard output", lambda: count_by_mail(rotating.printed()) == per_mail)


def rotated_files(server: Server) -> int:
    """Return how many old logs there are."""
    return len(server.run("sh", "-c", f"ls {LOG}.* 2>/dev/null || true").split())


def count_by_mail(log: str, containing: str = "") -> Counter[str]:
    """Return how many lines a log has of each queue id, of those that contain a text."""
    lines = (line for line in log.splitlines() if containing in line)
    return Counter(match[1] for line in lines if (match := QUEUE_ID.search(line)))


def test_utc_and_permissions(rotating: Server) -> None:
    """The file can be read by the exporter's group and by no other user, and its times are in UTC."""
    assert rotating.run("stat", "-c", "%a %g", "/var/log/mail").split() == ["2750", "10001"]
    until("a log", lambda: "640 10001" in rotating.run("sh", "-c", f"stat -c '%a %g' {LOG}* "))
    last = rotating.log().splitlines()[-1][:15]
    stamp = dt.datetime.strptime(last, "%b %d %H:%M:%S").replace(year=dt.datetime.now(dt.UTC).year, tzinfo=dt.UTC)
    assert abs(dt.datetime.now(dt.UTC) - stamp) < dt.timedelta(minutes=10)


def test_masked_forms(rotating: Server) -> None:
    """URL-encoded and quoted addresses and login names with blanks are masked on standard output too."""
    golden = (Path(__file__).resolve().parents[2] / "golden" / "masking.tsv").read_text().splitlines()[1:]
    head = "Nov 22 12:22:16 mail postfix/test[1]: "
    lines = "".join(f"{head}{line.partition(chr(9))[0]}\n" for line in golden)
    rotating.run("sh", "-c", f"printf '%s' {shlex.quote(lines)} >>{LOG}")
    expected = [head + line.partition("\t")[2] for line in golden]
    until("the lines on standard output", lambda: expected[-1] in rotating.printed())
    assert [one for one in rotating.printed().splitlines() if one.startswith(head)] == expected


def test_masked_on_standard_output(lab: Lab, rotating: Server, relay: Relay, subject: str) -> None:
    """`docker logs` shows masked addresses of senders, recipients and clients; the file has the full ones.

    The Message-ID of the API is not masked, since it is used for searches.
    """
    api_id = message_id_header(new_message_id(), DOMAIN)
    steps = mail(subject, sender=VISITOR, recipient=EXTERNAL_RECIPIENT, head=f"Message-ID: {api_id}\r\n")
    lab.probe.talk("rotating.lab", 25, HELLO, *steps)
    lab.probe.talk("rotating.lab", 2525, HELLO, *mail(f"{subject} 2", sender=VISITOR, recipient=f"hi@{DOMAIN}"))
    lab.probe.talk("rotating.lab", 2525, HELLO, f"MAIL FROM:<{VISITOR}>", f"RCPT TO:<{EXTERNAL_RECIPIENT}>")
    relay.received(f"{subject} 2")
    log = rotating.wait_for_log(f"to=<{OWNER}>", "Relay access denied", f"from=<{VISITOR}>")
    shown = until("the refusal shown", lambda: text if "Relay access denied" in (text := rotating.printed()) else None)
    own = (rotating.settings["DEFAULT_FROM"], rotating.settings["SMTP_RELAY_USERNAME"])
    banner, _, lines = shown.partition("daemon started")
    assert [line for line in banner.splitlines() if VISITOR in line] == []
    found = {one for one in ADDRESS.findall(re.sub(r"message-id=<[^>]*>", "", lines)) if one not in own}
    assert found == set()
    assert "v***@stranger.example" in lines
    assert api_id in lines
    assert EXTERNAL_RECIPIENT in log


def test_start_without_errors(server: Server) -> None:
    """A start prints no failed step: a name that does not resolve yet, such as a container's, is no failure."""
    assert "not started" not in server.printed()


def test_health_checks_are_quiet(server: Server) -> None:
    """A health check writes nothing on standard output, and at most two lines a minute in the file."""
    before, shown = server.log(), server.printed()
    # The container's own next check, within 5 s, connects to Postfix. The checks below follow it and do not connect.
    server.run("rm", "-f", "/run/mail-server.greeting")
    log = until("its lines", lambda: text if "commands=1" in (text := server.log().removeprefix(before)) else None)
    for _ in range(5):
        assert "less than a minute ago" in server.run("/usr/local/lib/mail-server/healthcheck")
    assert len([line for line in log.splitlines() if "127.0.0.1" in line]) == 2
    assert "127.0.0.1" not in server.printed().removeprefix(shown)


def test_health_check_after_the_clock_was_set_back(server: Server) -> None:
    """A greeting of a time in the future does not count: Postfix is asked again."""
    future = "touch --date '+1 hour' /run/mail-server.greeting && /usr/local/lib/mail-server/healthcheck"
    assert server.run("sh", "-c", future).startswith("220 ")


def test_health_check_says_what_is_wrong(lab: Lab) -> None:
    """Without Postfix the health check fails with the reason."""
    with lab.tool({}) as idle:
        status, printed = idle.container.exec_run(["/usr/local/lib/mail-server/healthcheck"])
    assert status == 1
    assert printed.decode().strip() == "nothing listens on port 25: Postfix is not running"


def test_rotation_by_age(aged: Server) -> None:
    """A small log is rotated when it is old, and its lines are in the compressed file."""
    until("a rotated file", lambda: aged.run("sh", "-c", f"ls {LOG}.*.gz 2>/dev/null || true"))
    assert "daemon started" in aged.run("sh", "-c", f"zcat {LOG}.*.gz")
