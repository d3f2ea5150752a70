"""dev/check gives mail-check the relay's addresses that the mail server has found."""

import subprocess
from pathlib import Path
from typing import Final

import pytest
import yaml

SCRIPT: Final = Path(__file__).resolve().parents[3] / "dev/check"
PIN: Final = r"""
set -euo pipefail
eval "$(sed -n '/^use_files() {/,/^}/p; /^pin_relay() {/,/^}/p' "$SCRIPT")"
env_file=some.env
files=(-f production.yml)
[[ -z ${COMPOSE_FILE:-} ]] || files=()
use_files
pin_relay
echo "${compose[*]}"
echo "${COMPOSE_FILE:-}"
"""


def pinned(scratch: Path, facts: str, **variables: str) -> list[str]:
    """Run the script's function with host facts; return Compose's command and COMPOSE_FILE."""
    (scratch / "host").write_text(facts)
    environment = {"PATH": "/usr/bin:/bin", "SCRIPT": str(SCRIPT), "scratch": str(scratch)} | variables
    done = subprocess.run(  # noqa: S603 - our own script
        ["bash", "-c", PIN],  # noqa: S607 - whichever bash there is
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()


FACTS: Final = "said\tRelay: smtp.corp.example:587\nsaid\tRelay Address: 192.0.2.25\nsaid\tRelay Address: 192.0.2.26\n"


def test_addresses_are_passed_on(tmp_path: Path) -> None:
    """Each address becomes an entry in the hosts of mail-check, by one more Compose file."""
    command, _ = pinned(tmp_path, FACTS)
    assert f"-f production.yml -f {tmp_path}/relay.yml --env-file some.env" in command
    written = yaml.safe_load((tmp_path / "relay.yml").read_text())
    hosts = ["smtp.corp.example:192.0.2.25", "smtp.corp.example:192.0.2.26"]
    assert written == {"services": {"mail-check": {"extra_hosts": hosts}}}


def test_ipv6_addresses_are_passed_on(tmp_path: Path) -> None:
    """An IPv6 address of the relay, which the mail server finds with INET_PROTOCOLS=all, is passed on as well."""
    pinned(tmp_path, f"{FACTS}said\tRelay Address: fd4a:93c1:7e20:1::25\n")
    written = yaml.safe_load((tmp_path / "relay.yml").read_text())
    assert "smtp.corp.example:fd4a:93c1:7e20:1::25" in written["services"]["mail-check"]["extra_hosts"]


def test_files_by_variable(tmp_path: Path) -> None:
    """With COMPOSE_FILE the file is added there."""
    command, files = pinned(tmp_path, FACTS, COMPOSE_FILE="a.yml:b.yml")
    assert files == f"a.yml:b.yml:{tmp_path}/relay.yml"
    assert " -f " not in command


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param("said\tRelay: (none, direct delivery by MX)\n", id="direct delivery"),
        pytest.param("said\tRelay: smtp.corp.example:587\n", id="name not found"),
    ],
)
def test_nothing_to_pass_on(tmp_path: Path, facts: str) -> None:
    """Without an address, mail-check looks up the name itself."""
    command, _ = pinned(tmp_path, facts)
    assert "relay.yml" not in command
    assert not (tmp_path / "relay.yml").exists()
