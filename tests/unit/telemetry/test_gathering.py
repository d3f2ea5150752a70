"""Log lines that go out a moment's worth at a time."""

import io
import time
from pathlib import Path
from threading import Event

import pytest

from mail_telemetry import gathering
from mail_telemetry.gathering import Gathered


class Recording(io.StringIO):
    """Keeps what each write said, and tells when there was one."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []
        self.written = Event()

    def write(self, text: str, /) -> int:
        """Keep the text."""
        self.writes.append(text)
        self.written.set()
        return len(text)


class Full(io.StringIO):
    """Takes nothing until it is emptied."""

    is_full = True

    def write(self, text: str, /) -> int:
        """Refuse the text, or take it."""
        if self.is_full:
            raise OSError("no space left on device")
        return super().write(text)


def test_in_one_go() -> None:
    """What comes within a moment is one write, in its order."""
    stream = Recording()
    gathered = Gathered(stream, str, seconds=0.2)
    for text in ("a\n", "b\n", "c\n"):
        gathered.put(text)
    assert stream.writes == []
    assert stream.written.wait(5)
    assert stream.writes == ["a\nb\nc\n"]


def test_again_and_again() -> None:
    """Later lines go out, too, and none is written twice."""
    stream = Recording()
    gathered = Gathered(stream, str, seconds=0.001)
    deadline = time.monotonic() + 5
    for number in range(3):
        stream.written.clear()
        gathered.put(f"{number}\n")
        assert stream.written.wait(deadline - time.monotonic())
    assert "".join(stream.writes) == "0\n1\n2\n"


def test_at_once() -> None:
    """A flush waits for no moment, and brings out what was before it."""
    stream = Recording()
    gathered = Gathered(stream, str, seconds=60)
    gathered.put("a\n")
    gathered.put("b\n")
    gathered.flush()
    gathered.flush()
    assert stream.writes == ["a\nb\n"]


def test_stream_that_takes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines are lost while nobody takes them, and only then; standard error says so once each time."""
    stream = Full()
    gathered = Gathered(stream, str, seconds=60)
    for is_full, text in ((True, "lost\n"), (True, "lost too\n"), (False, "kept\n"), (True, "lost again\n")):
        stream.is_full = is_full
        gathered.put(text)
        gathered.flush()
    assert stream.getvalue() == "kept\n"
    assert capsys.readouterr().err == "log lines are lost: OSError\n" * 2


def test_what_is_no_unicode(tmp_path: Path) -> None:
    """A character that UTF-8 can't say is written as an escape, and costs no line around it."""
    with (tmp_path / "log").open("w", encoding="utf-8") as stream:
        gathered = Gathered(stream, str, seconds=60)
        for text in ("before\n", "a\ud800b\n", "after\n"):
            gathered.put(text)
        gathered.flush()
    assert (tmp_path / "log").read_text() == "before\na\\ud800b\nafter\n"


def test_no_end_of_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who writes more than may wait writes it himself."""
    monkeypatch.setattr(gathering, "_MOST", 3)
    stream = Recording()
    gathered = Gathered(stream, str, seconds=60)
    for number in range(7):
        gathered.put(f"{number}")
    assert stream.writes == ["012", "345"]


def test_in_a_hurry() -> None:
    """A line that may not wait takes those before it along."""
    stream = Recording()
    gathered = Gathered(stream, str, seconds=60)
    gathered.put("a\n")
    gathered.put("b\n", at_once=True)
    assert stream.written.wait(5)
    assert stream.writes == ["a\nb\n"]


def test_line_that_comes_while_lines_are_written() -> None:
    """Whoever logs in the midst of it, as a finalizer may, is neither lost nor waits for himself."""
    stream = Recording()

    def render(text: str) -> str:
        if text == "a\n":
            gathered.put("late\n")
            gathered.flush(patience=0)
        return text

    gathered: Gathered[str] = Gathered(stream, render, seconds=0.001)
    gathered.put("a\n")
    deadline = time.monotonic() + 5
    while "".join(stream.writes) != "a\nlate\n":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_closed_stream() -> None:
    """At the very end, when stdout is closed already, nothing is raised."""
    stream = io.StringIO()
    gathered = Gathered(stream, str, seconds=60)
    gathered.put("late\n")
    stream.close()
    gathered.flush()
