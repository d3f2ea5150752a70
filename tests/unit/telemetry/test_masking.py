"""Masking of addresses, in Python and in the mail server's log on standard output."""

import subprocess
import time
from pathlib import Path

import pytest

from mail_telemetry.masking import domain_of, mask_address, mask_text

ROOT = Path(__file__).resolve().parents[3]
RUN_SCRIPT = ROOT / "postfix/rootfs/usr/local/lib/mail-server/run.bash"
GOLDEN = [line.split("\t") for line in (ROOT / "tests/golden/masking.tsv").read_text().splitlines()[1:]]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("anna@example.org", "a***@example.org", id="plain"),
        pytest.param("a@example.org", "a***@example.org", id="one character"),
        pytest.param('"x@y"@example.org', '"***@example.org', id="quoted local part"),
        pytest.param("root", "r***", id="no domain"),
        pytest.param("", "***", id="empty"),
    ],
)
def test_mask_address(address: str, expected: str) -> None:
    """The local part is reduced to its first character."""
    assert expected == mask_address(address)


@pytest.mark.parametrize(("text", "expected"), GOLDEN, ids=[text for text, _ in GOLDEN])
def test_mask_text(text: str, expected: str) -> None:
    """Every address in a text is masked."""
    assert mask_text(text) == expected


@pytest.mark.parametrize("text", [expected for _, expected in GOLDEN])
def test_mask_twice(text: str) -> None:
    """A masked text stays the same."""
    assert mask_text(text) == text


def for_standard_output(text: str, addresses: str = "masked") -> str:
    """Return the text as the mail server's container writes it."""
    done = subprocess.run(  # noqa: S603 - the project's own script
        ["/bin/bash", "-c", f"source {RUN_SCRIPT}; for_standard_output"],
        input=text,
        env={"MAIL_LOG_ADDRESSES": addresses},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_mail_server_masks_alike() -> None:
    """The mail server's script masks the same texts in the same way."""
    masked = for_standard_output("".join(f"{text}\n" for text, _ in GOLDEN)).splitlines()
    assert [(text, one) for (text, _), one in zip(GOLDEN, masked, strict=True)] == [
        (text, expected) for text, expected in GOLDEN
    ]


def test_mail_server_shows_whole_addresses() -> None:
    """With MAIL_LOG_ADDRESSES=full, the log is not changed."""
    assert for_standard_output("to=<anna@x.org>\n", "full") == "to=<anna@x.org>\n"


def test_mail_server_keeps_ids_of_the_api() -> None:
    """The Message-IDs of the API are not masked: the mail server's log is searched for them."""
    line = "4jXSsP52xGzDhqX: message-id=<msg_0123456789abcdefghjkmnpqrs.mail-api@dinky.example>\n"
    assert for_standard_output(line) == line
    assert for_standard_output(line.replace("msg_", "x")).endswith(": message-id=<x***@dinky.example>\n")


@pytest.mark.parametrize(
    ("address", "expected"),
    [("anna@Example.ORG", "example.org"), ("root", ""), ("a@b@c.org", "c.org")],
    ids=["upper case", "none", "two"],
)
def test_domain_of(address: str, expected: str) -> None:
    """The domain is the part after the last @."""
    assert expected == domain_of(address)


def test_all_addresses_of_a_word() -> None:
    """Adjacent addresses without a blank are masked together."""
    for text in ("a.b@x.org+c.d@y.org", "a.b@x.org@c.d@y.org", "x=anna@x.org;berta@y.org"):
        masked = mask_text(text)
        assert [part for part in ("a.b", "c.d", "anna", "berta") if part in masked] == [], masked


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("@" + "a" * 100_000, id="a word"),
        pytest.param("@%40" + "%" * 100_000, id="percent signs"),
        pytest.param("@" + '\\"' * 50_000, id="escaped quotes"),
        pytest.param("@" + "<" * 100_000, id="angle brackets"),
        pytest.param("@sasl_username=" + "x " * 50_000, id="a login name"),
        pytest.param("@" + "sasl_username=" * 7_000, id="field names"),
    ],
)
def test_long_words_take_no_time(text: str) -> None:
    """Masking takes linear time."""
    started = time.thread_time()
    mask_text(text)
    assert time.thread_time() - started < 1
