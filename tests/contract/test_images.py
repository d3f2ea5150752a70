"""Labels and users of the images."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
PREFIX = "org.opencontainers.image."
FILES = ["Dockerfile", "postfix/Dockerfile", "sandbox/Dockerfile"]


def labels(name: str) -> list[dict[str, str]]:
    """Return the labels of every image of a Dockerfile."""
    blocks = re.findall(r"^LABEL ((?:.*\\\n)*.*)", (ROOT / name).read_text(), re.MULTILINE)
    return [dict(re.findall(r'([a-z.]+)="([^"]*)"', block)) for block in blocks]


@pytest.mark.parametrize("name", FILES)
def test_labels(name: str) -> None:
    """Each image is labelled with its title, licence, source, version and commit."""
    found = labels(name)
    assert len(found) == (2 if name == "Dockerfile" else 1)
    for one in found:
        assert one.pop(f"{PREFIX}title").startswith("dinky-mail ")
        assert one.pop(f"{PREFIX}description")
        assert one == {
            f"{PREFIX}licenses": "MIT",
            f"{PREFIX}source": "https://github.com/nahuelsantos/dinky-server",
            f"{PREFIX}version": "$VERSION",
            f"{PREFIX}revision": "$REVISION",
        }


@pytest.mark.parametrize("name", FILES)
def test_version(name: str) -> None:
    """The images have the project's version."""
    assert set(re.findall(r"^ARG VERSION=(.*)$", (ROOT / name).read_text(), re.MULTILINE)) == {VERSION}


@pytest.mark.parametrize("name", ["Dockerfile", "sandbox/Dockerfile"])
def test_not_root(name: str) -> None:
    """Each Python image runs as a user without privileges; docs/supply-chain.md explains why Postfix starts as root."""
    text = (ROOT / name).read_text()
    assert text.count("\nUSER 10001:10001\n") == len(labels(name))
