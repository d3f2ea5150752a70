"""Traefik's entrypoints, the tunnel's ingress, and the port that lets the client address header be forged."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest

from dinky.__main__ import DONE, OPEN, main
from dinky.reverse_proxy import ApiPublication, status_lines
from dinky.server_folder import CLOUDFLARED, COMPOSE, TRAEFIK
from dinky.status import InstallState, StatusLine
from tests.unit.dinky.conftest import STACK

PUBLISHED = ApiPublication(host="mail-api.example.org", enabled=True, entrypoint="web", tls=False)
TEXTS = {path: (STACK / path).read_text() for path in (COMPOSE, TRAEFIK, CLOUDFLARED)}


def found(publication: ApiPublication = PUBLISHED, texts: Mapping[str, str] = MappingProxyType({})) -> list[StatusLine]:
    """Return the status lines for the stack, with some of its files replaced."""
    return list(status_lines(publication, {**TEXTS, **texts}))


def ingress(*rules: str) -> Mapping[str, str]:
    """Return the tunnel's configuration with these entries before the last one."""
    lines = [f"  - {rule}\n" for rule in (*rules, "service: http_status:404")]
    return {CLOUDFLARED: f"ingress:\n{''.join(lines)}"}


def test_stack_lacks_the_entry_of_the_tunnel() -> None:
    """The entrypoint exists; the fix has the missing ingress entry and its position."""
    entrypoint, tunnel = found()
    assert entrypoint.state == InstallState.OK
    assert tunnel.state == InstallState.MISSING
    assert tunnel.what == (
        "the tunnel has no entry that leads mail-api.example.org to http://traefik:80; it goes to http_status:404"
    )
    assert "add `- hostname: mail-api.example.org` with `service: http://traefik:80`" in tunnel.fix
    assert "before the last entry" in tunnel.fix


def test_not_published() -> None:
    """While TRAEFIK_ENABLE is not true, missing parts are notes."""
    states = [one.state for one in found(replace(PUBLISHED, enabled=False, entrypoint="websecure"))]
    assert states == [InstallState.NOTE, InstallState.NOTE, InstallState.NOTE]


def test_entrypoint_that_does_not_exist() -> None:
    """An entrypoint in a comment does not count; the fix names an existing one."""
    entrypoint = found(replace(PUBLISHED, entrypoint="websecure"))[0]
    assert entrypoint.state == InstallState.MISSING
    assert "has no entrypoint websecure" in entrypoint.what
    assert "set TRAEFIK_ENTRYPOINT=web in .env.mail.prod" in entrypoint.fix


def test_entrypoint_by_flag() -> None:
    """Entrypoints in Traefik's command count too."""
    text = "services:\n  proxy:\n    image: traefik:v3\n    command: [--entryPoints.public.address=:8000]\n"
    rule = ingress("{hostname: mail-api.example.org, service: http://traefik:8000}")
    states = [one.state for one in found(replace(PUBLISHED, entrypoint="public"), {COMPOSE: text, **rule})]
    assert states == [InstallState.OK, InstallState.OK]


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param("{hostname: mail-api.example.org, service: 'http://traefik:80'}", id="by name"),
        pytest.param("{hostname: mail-api.example.org, service: http://traefik}", id="default port"),
        pytest.param("{hostname: '*.example.org', service: http://traefik:80/}", id="wildcard"),
        pytest.param("service: http://traefik:80", id="catch-all"),
    ],
)
def test_tunnel_leads_to_the_api(rule: str) -> None:
    """An entry, a wildcard or a catch-all that leads to Traefik is enough."""
    assert found(texts=ingress(rule))[1].state == InstallState.OK


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param(
            (
                "{hostname: '*.example.org', service: http://other}",
                "{hostname: mail-api.example.org, service: http://traefik:80}",
            ),
            "before the entry `hostname: *.example.org`",
            id="an earlier wildcard",
        ),
        pytest.param(
            ("{hostname: mail-api.example.org, service: https://traefik:443}",),
            "write `service: http://traefik:80` in the entry",
            id="another address",
        ),
        pytest.param(
            ("{hostname: mail-api.example.org, path: ^/send, service: http://traefik:80}",),
            "before the last entry",
            id="only some paths",
        ),
    ],
)
def test_tunnel_leads_elsewhere(rules: tuple[str, ...], expected: str) -> None:
    """The first entry that matches counts, and the fix has the position of the right one."""
    tunnel = found(texts=ingress(*rules))[1]
    assert tunnel.state == InstallState.MISSING
    assert expected in tunnel.fix


def test_tls_behind_a_plain_tunnel() -> None:
    """With TLS on the router, an entry for plain HTTP is reported: Traefik would answer 404."""
    wanted = replace(PUBLISHED, tls=True)
    tunnel = found(wanted, ingress("{hostname: mail-api.example.org, service: http://traefik:80}"))[1]
    assert (tunnel.state, "https://traefik:80" in tunnel.fix) == (InstallState.MISSING, True)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param({CLOUDFLARED: "tunnel: a\n"}, "it has no `ingress`", id="a tunnel of the dashboard"),
        pytest.param({CLOUDFLARED: "a: [\n"}, "it cannot be read", id="no YAML"),
        pytest.param({TRAEFIK: "a: [\n"}, "it cannot be read", id="no YAML for Traefik"),
        pytest.param({TRAEFIK: "log: {}\n"}, "they cannot be checked", id="no entrypoints"),
    ],
)
def test_what_cannot_be_checked(texts: Mapping[str, str], expected: str) -> None:
    """Parts that cannot be checked are reported as notes."""
    notes = [one for one in found(texts=texts) if one.state == InstallState.NOTE]
    assert [expected in one.what for one in notes] == [True]


def test_no_domain() -> None:
    """Without MAIL_DOMAIN, the fix is to set it."""
    assert found(replace(PUBLISHED, host=""))[1].fix == "set MAIL_DOMAIN in .env.mail.prod"


@pytest.mark.parametrize(
    ("port", "is_open"),
    [
        pytest.param('"80:80"', True, id="all addresses"),
        pytest.param('"0.0.0.0:80:80/tcp"', True, id="all of IPv4"),
        pytest.param('"[::]:80:80"', True, id="all of IPv6"),
        pytest.param('"${HTTP_PORT:-80}:80"', True, id="a variable"),
        pytest.param('"80-81:80-81"', True, id="a range"),
        pytest.param("'192.168.1.10:80:80'", True, id="an address of the network"),
        pytest.param("{target: 80, published: 80}", True, id="long form"),
        pytest.param('"127.0.0.1:80:80"', False, id="loopback"),
        pytest.param('"${BIND:-127.0.0.1}:80:80"', False, id="loopback by a variable"),
        pytest.param("{target: 80, published: 80, host_ip: 127.0.0.1}", False, id="long form, loopback"),
        pytest.param('"8080:8080"', False, id="another port"),
        pytest.param('"80:80/udp"', False, id="UDP"),
    ],
)
def test_forgeable_header(port: str, is_open: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """With CLIENT_ADDRESS_HEADER set, a port of Traefik that other hosts reach is reported, with the fix."""
    text = f"services:\n  traefik:\n    image: traefik:v3\n    ports: [{port}]\n"
    warnings = [
        one for one in found(replace(PUBLISHED, header="CF-Connecting-IP"), {COMPOSE: text}) if one.state == "warning"
    ]
    assert len(warnings) == is_open
    assert all("CF-Connecting-IP" in one.what and "127.0.0.1:80:80" in one.fix for one in warnings)
    assert [one for one in found(texts={COMPOSE: text}) if one.state == "warning"] == []


@pytest.mark.slow
def test_check_reads_the_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, server: object
) -> None:
    """`make dinky-check` takes the variables that the compose file and the API read."""
    assert main(["install", str(server), "--yes"]) == DONE
    assert main(["check", str(server)]) == DONE
    for name, value in {
        "MAIL_DOMAIN": "example.org",
        "TRAEFIK_ENABLE": "true",
        "CLIENT_ADDRESS_HEADER": "CF-Connecting-IP",
    }.items():
        monkeypatch.setenv(name, value)
    capsys.readouterr()
    assert main(["check", str(server)]) == OPEN
    printed = capsys.readouterr().out
    assert f"missing {CLOUDFLARED}: the tunnel has no entry that leads mail-api.example.org" in printed
    assert f"warning {COMPOSE}: port 80 of traefik is published outside of this host" in printed
