"""Traefik labels: plain HTTP by default, TLS by variables."""

import re
from collections.abc import Mapping
from typing import Final

import pytest

from tests.contract.test_compose import load

ROUTER: Final = "traefik.http.routers.mail-api."
_VARIABLE: Final = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::-(?P<default>[^}]*))?\}")

PLAIN: Final = {"entrypoints": "web", "tls": "false", "tls.certresolver": ""}
VARIANTS: Final = [
    pytest.param({}, PLAIN, id="behind cloudflared"),
    pytest.param({"TRAEFIK_TLS": "", "TRAEFIK_ENTRYPOINT": "", "TRAEFIK_CERT_RESOLVER": ""}, PLAIN, id="empty"),
    pytest.param(
        {"TRAEFIK_TLS": "true", "TRAEFIK_ENTRYPOINT": "websecure", "TRAEFIK_CERT_RESOLVER": "letsencrypt"},
        {"entrypoints": "websecure", "tls": "true", "tls.certresolver": "letsencrypt"},
        id="certificates by a resolver",
    ),
    pytest.param(
        {"TRAEFIK_TLS": "true", "TRAEFIK_ENTRYPOINT": "websecure"},
        {"entrypoints": "websecure", "tls": "true", "tls.certresolver": ""},
        id="certificates from files",
    ),
]
"""Variables, and the labels of the router with them."""


def rendered(text: str, variables: Mapping[str, str]) -> str:
    """Return a label with its variables replaced, as Compose does."""
    return _VARIABLE.sub(lambda found: variables.get(found["name"]) or found["default"] or "", text)


@pytest.mark.parametrize(("variables", "expected"), VARIANTS)
def test_router(variables: dict[str, str], expected: dict[str, str]) -> None:
    """One variable enables TLS; without it the router has the entry point `web` and no certificate resolver."""
    labels = load("docker-compose.mail.prod.yml")["services"]["mail-api"]["labels"]
    router = {name.removeprefix(ROUTER): text for name, text in labels.items() if name.startswith(ROUTER)}
    assert {name: rendered(text, variables) for name, text in router.items() if name != "rule"} == expected


def test_not_published_by_default() -> None:
    """Traefik ignores the API until TRAEFIK_ENABLE is true."""
    label = load("docker-compose.mail.prod.yml")["services"]["mail-api"]["labels"]["traefik.enable"]
    assert rendered(label, {}) == "false"
    assert rendered(label, {"TRAEFIK_ENABLE": "true"}) == "true"
