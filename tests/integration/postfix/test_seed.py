"""Commands of the original description on the shipped stack, with the sandbox as relay."""

import subprocess

from tests.integration.postfix.containers import Relay, Server
from tests.integration.stack import RECIPIENT


def docker(*arguments: str, stdin: str = "") -> str:
    """Run the docker command and return its output."""
    done = subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True, input=stdin, timeout=30)  # noqa: S603, S607 - as typed
    return done.stdout + done.stderr


def test_banner(shipped: Server) -> None:
    """`docker logs mail-server` shows the relay's configuration in the original format."""
    lines = docker("logs", str(shipped.container.id)).splitlines()
    start = lines.index("Mail server configuration:")
    assert lines[start + 5] == "Relay: sandbox-relay:587"


def test_mail_through_standard_input(shipped: Server, shipped_relay: Relay, subject: str) -> None:
    """`echo … | docker exec -i mail-server mail -s …` sends a mail, and it is logged."""
    command = ("exec", "-i", str(shipped.container.id), "mail", "-s", subject, RECIPIENT)
    assert docker(*command, stdin="This is a test\n") == ""
    received = shipped_relay.received(subject)
    assert received["recipients"] == [RECIPIENT]
    assert received["text"].strip() == "This is a test"
    shipped.wait_for_log(received["message_id"], "status=sent (250 2.0.0 OK")


def test_postconf(shipped: Server) -> None:
    """`docker exec mail-server postconf -n` shows the active settings, without a password."""
    shown = docker("exec", str(shipped.container.id), "postconf", "-n")
    assert "relayhost = $relay_nexthop" in shown
    assert "relay_nexthop = [sandbox-relay]:587" in shown
    assert "sandboxapppasswd" not in shown
    assert "warning" not in shown


def test_port_25(shipped: Server) -> None:
    """`telnet … 25` gets a greeting with our name and without the software's."""
    assert shipped.talk(2525)[0] == "220 mail.dinky.example ESMTP"
