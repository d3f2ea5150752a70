"""`make check` on the running stack, and on one with several faults."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx2
from docker.client import DockerClient
from testcontainers.core.network import Network

from tests.integration.images import FILES
from tests.integration.postfix.audit import stack_server
from tests.integration.postfix.battery import HELLO
from tests.integration.postfix.mails import EXTERNAL_RECIPIENT, mail
from tests.integration.stack import EXPORTER, ROOT, Stack, until

Findings = dict[tuple[str, str], dict[str, Any]]


def check(status: int | None = None, **variables: str) -> Findings:
    """Run the check as `make check OPTIONS=--json` does, and return its findings by area and name."""
    environment = {"ENV": "sandbox/sandbox.env", "COMPOSE_FILE": os.pathsep.join(FILES), "NTP_SERVER": "127.0.0.1"}
    done = subprocess.run(
        ["dev/check", "--json", "--seconds", "15"],  # noqa: S607 - as the Makefile does
        cwd=ROOT,
        env=os.environ | environment | variables,
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert "sandboxapppasswd" not in done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["exit_status"] == done.returncode
    assert status in {None, done.returncode}, found
    return {(one["area"], one["name"]): one for one in found["findings"]}


def test_working_stack(stack: Stack) -> None:
    """On a working stack no check fails, no mail is sent, and every part is checked."""
    before = stack.count_mails()
    found = check()
    assert [one for one in found.values() if one["status"] == "failed"] == []
    well = {place for place, one in found.items() if one["status"] == "ok"}
    assert {
        *(("services", name) for name in ("mail-server", "mail-api", "mail-exporter", "ready", "log, queue, ledger")),
        *(("networks", name) for name in ("joined", "trusted at port 25")),
        *(("ports", f"mail-server:{port}") for port in (25, 2525, 587)),
        *(("relay", name) for name in ("connection", "TLS", "certificate", "login")),
        *(("machine", f"disk: {name}") for name in ("spool", "log", "ledger")),
        ("configuration", "mail-server"),
        ("certificate", "port 587"),
        ("monitoring", "collector"),
    } <= well
    assert found["ports", "25 of the host"]["status"] == "warning", "the sandbox publishes on loopback alone"
    assert before == stack.count_mails()


def answers(stack: Stack) -> bool:
    """Return whether the exporter answers."""
    try:
        return stack.http.get(stack.url(EXPORTER, "/health")).is_success
    except httpx2.HTTPError:
        return False


def test_broken(stack: Stack) -> None:
    """Each fault has a failed check with a fix, and checks that depend on it are unknown."""
    stack.command("stop", "mail-exporter")
    try:
        with stack.fault("wrong_password"):
            found = check(1, SMTP_RELAY_DAILY_LIMIT="no", API_DOCS="maybe", SMTP_POOL_SIZE="7")
    finally:
        stack.command("start", "mail-exporter")
        until("the exporter again", lambda: answers(stack))
    states = {place: (one["status"], one["message"]) for place, one in found.items()}
    assert ("failed", "SMTP_RELAY_DAILY_LIMIT: 'no' is not a number: give one above 0, digits only") == states[
        "configuration", "mail-server"
    ]
    assert states["configuration", "mail-api"][0] == "failed"
    assert states["services", "mail-exporter"][1].startswith("is exited")
    assert states["services", "mail-api"] == ("warning", "runs with other settings than it would be started with now")
    assert states["services", "log, queue, ledger"] == ("unknown", "mail-exporter does not run")
    assert "refused: 535 5.7.8 Username and Password not accepted" in states["relay", "login"][1]
    assert "new app password" in found["relay", "login"]["fix"]


def test_lost_dollar(stack: Stack, tmp_path: Path) -> None:
    """Field case e04: a password with a $ that Compose takes for a variable is reported, without the password."""
    file = tmp_path / "variables"
    values = (ROOT / "sandbox/sandbox.env").read_text()
    file.write_text(f"{values}\nTURNSTILE_SECRET=ArDDl49@6*rf$C#1\nHCAPTCHA_SECRET='a$C'\n")
    assert answers(stack)
    found = check(ENV=str(file))["configuration", "$ in values"]
    assert found["status"] == "failed"
    assert found["message"].startswith("TURNSTILE_SECRET: has 16 bytes in the file, and 14 in the container")
    assert "ArDD" not in str(found)


def test_networks(stack: Stack, tmp_path: Path) -> None:
    """Field case m11: a network that the mail server is not on, and mail from a gateway's address, are explained."""
    server = stack_server(stack)
    replies = server.talk(25, HELLO, *mail("no", sender="a@stranger.example", recipient=EXTERNAL_RECIPIENT))
    assert replies[3].startswith("554 5.7.1 ")
    with Network() as anew:
        # As after `docker network rm` and `create`: Compose joins new containers to it, and mail-server is not on it.
        networks = {"mail-check": {"networks": ["traefik_network", "mail_internal", "anew"]}}
        file = tmp_path / "anew.json"
        file.write_text(json.dumps({"services": networks, "networks": {"anew": {"external": True, "name": anew.name}}}))
        found = check(COMPOSE_FILE=os.pathsep.join((*FILES, str(file))))
        subnet = DockerClient.from_env().networks.get(anew.name).attrs["IPAM"]["Config"][0]["Subnet"]
    joined, gateway = found["networks", "joined"], found["networks", "gateway's address"]
    assert joined["status"] == "warning"
    assert joined["message"].startswith(f"mail-server is not on {subnet}, which Compose joins it to")
    assert "up -d --force-recreate" in joined["fix"]
    assert gateway["status"] == "warning"
    assert "docs/networks.md" in gateway["fix"]
    trusted = found["networks", "trusted at port 25"]["message"]
    assert trusted.startswith("port 25 accepts mail from 127.0.0.0/8, ")
    assert subnet not in trusted
