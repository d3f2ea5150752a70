"""Generated logs of the benchmarks: reproducible, in order, with the contents that are reported."""

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
    """The same arguments give the same bytes, so that two measurements use the same log."""
    for name in ("one", "two"):
        write(tmp_path / name, mix, LINES, start=START)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_lines_are_as_many_as_asked_and_in_order(mix: Mix, tmp_path: Path) -> None:
    """The log has the requested number of lines, sorted by time; both logs are within one month."""
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
def test_contents_are_counted(kind: Kind, pattern: str, tmp_path: Path) -> None:
    """The reported contents equal the lines of the log."""
    contents = write(tmp_path / "log", Mix.REALISTIC, LINES, start=START)
    found = len(re.findall(pattern, (tmp_path / "log").read_text(), re.MULTILINE))
    assert contents.kinds[kind] == found > 0


def test_mix_sent(tmp_path: Path) -> None:
    """The mix `sent` has no deferred, bounced or rejected mail."""
    kinds = write(tmp_path / "log", Mix.SENT, LINES, start=START).kinds
    assert not {Kind.DEFERRED, Kind.BOUNCED, Kind.REJECTED, Kind.AUTH_FAILED} & set(kinds)


@pytest.mark.parametrize("teller", [*ALL_SENT, *REALISTIC], ids=lambda teller: teller.__name__)
def test_story_is_in_order_of_time(teller: Teller) -> None:
    """The lines of one story are in order of time, which merging relies on."""
    for seed in range(50):
        times = [at for at, _, _ in teller(Random(seed), START)]  # noqa: S311 - a log, not a secret
        assert sorted(times) == times
        assert times[0] >= START


@pytest.mark.parametrize("at", [START, START + 0.25, START + 86_399.999], ids=str)
def test_queue_id_contains_arrival_time(at: float) -> None:
    """A generated queue id contains its arrival time, as a long queue id of Postfix does."""
    assert arrival_time(queue_id(at, 543_210)) == pytest.approx(at, abs=2e-6)


@pytest.mark.parametrize(
    ("delay", "printed"), [(0.004, "0"), (0.014, "0.014"), (1.234, "1.2"), (56.7, "57"), (432_000.0, "432000")], ids=str
)
def test_delays_are_printed_as_postfix_does(delay: float, printed: str) -> None:
    """Delays have two significant digits, and no exponent."""
    assert printed == seconds(delay)
