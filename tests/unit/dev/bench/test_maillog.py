"""The generated logs: reproducible, in order, and holding what they say they hold."""

import re
from pathlib import Path
from random import Random

import pytest

from dev.bench.lines import Kind, queue_id, seconds
from dev.bench.maillog import Mix, write
from dev.bench.stories import ALL_SENT, REALISTIC, Teller
from mail_exporter.parse.grammar import arrival_time

START = 1_763_769_600.0  # 2025-11-22 00:00:00 UTC
LINES = 5_000


@pytest.fixture(params=Mix)
def mix(request: pytest.FixtureRequest) -> Mix:
    """Return each mix in turn."""
    return Mix(request.param)


def test_same_arguments_give_the_same_bytes(mix: Mix, tmp_path: Path) -> None:
    """A number can be compared with another only when both were measured on the same log."""
    for name in ("one", "two"):
        write(tmp_path / name, mix, LINES, start=START)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_lines_are_as_many_as_asked_and_in_order(mix: Mix, tmp_path: Path) -> None:
    """A log never goes back in time; both logs here stay within a month."""
    contents = write(tmp_path / "log", mix, LINES, start=START)
    lines = (tmp_path / "log").read_text().splitlines()
    stamps = [line[:15] for line in lines]
    assert (LINES, LINES) == (len(lines), contents.lines)
    assert sorted(stamps) == stamps
    assert (tmp_path / "log").stat().st_size == contents.size


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        (Kind.RECEIVED, r"cleanup\[\d+\]: \w+: message-id="),
        (Kind.SENT, r" status=sent \("),
        (Kind.DEFERRED, r" status=deferred \("),
        (Kind.BOUNCED, r" status=bounced \("),
        (Kind.REMOVED, r"qmgr\[\d+\]: \w+: removed$"),
        (Kind.REJECTED, r"NOQUEUE: reject: RCPT from "),
        (Kind.AUTH_FAILED, r"SASL \w+ authentication failed"),
    ],
    ids=str,
)
def test_what_a_log_holds_is_counted(kind: Kind, pattern: str, tmp_path: Path) -> None:
    """What an exporter counts is compared with these numbers."""
    contents = write(tmp_path / "log", Mix.REALISTIC, LINES, start=START)
    found = len(re.findall(pattern, (tmp_path / "log").read_text(), re.MULTILINE))
    assert contents.kinds[kind] == found > 0


def test_all_sent_means_all_sent(tmp_path: Path) -> None:
    """The first mix has no refusal of any kind."""
    kinds = write(tmp_path / "log", Mix.SENT, LINES, start=START).kinds
    assert not {Kind.DEFERRED, Kind.BOUNCED, Kind.REJECTED, Kind.AUTH_FAILED} & set(kinds)


@pytest.mark.parametrize("teller", [*ALL_SENT, *REALISTIC], ids=lambda teller: teller.__name__)
def test_a_story_never_goes_back(teller: Teller) -> None:
    """Merging relies on it."""
    for seed in range(50):
        times = [at for at, _, _ in teller(Random(seed), START)]  # noqa: S311 - a log, not a secret
        assert sorted(times) == times
        assert times[0] >= START


@pytest.mark.parametrize("at", [START, START + 0.25, START + 86_399.999], ids=str)
def test_a_queue_id_holds_its_arrival(at: float) -> None:
    """As long queue ids of Postfix do; the exporter reads them."""
    assert arrival_time(queue_id(at, 543_210)) == pytest.approx(at, abs=2e-6)


@pytest.mark.parametrize(
    ("delay", "printed"), [(0.004, "0"), (0.014, "0.014"), (1.234, "1.2"), (56.7, "57"), (432_000.0, "432000")], ids=str
)
def test_delays_are_printed_as_postfix_does(delay: float, printed: str) -> None:
    """Two significant digits, and never an exponent."""
    assert printed == seconds(delay)
