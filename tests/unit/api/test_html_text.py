"""Plain text from an HTML body."""

import time

import pytest

from mail_api.html_text import plain_text


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>Hello<br>you</p><p>there</p>", "Hello\nyou\nthere"),
        ("a &amp; b &lt;c&gt; &eacute;", "a & b <c> é"),
        ("<head><title>t</title></head><style>p{}</style>x<SCRIPT>alert(1)</SCRIPT>y", "xy"),
        ("<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
        ("a\n   b\t<b>c</b>", "a b c"),
        ("1 < 2", "1 < 2"),
        ("<img src=x>", ""),
        ("<!-- note -->text", "text"),
        ("<script>never closed", ""),
        ("&#" + "9" * 5000 + ";", "&#" + "9" * 5000 + ";"),
        ("a&#0;b", "a\ufffdb"),
    ],
    ids=["blocks", "entities", "hidden", "list", "white space", "no tag", "no text", "comment", "cut", "digits", "NUL"],
)
def test_text(markup: str, expected: str) -> None:
    """The visible text is returned, with a line for each block."""
    assert plain_text(markup) == expected


@pytest.mark.parametrize("piece", ["<", "<a ", "<script>", "<!--", "&", "</"], ids=lambda piece: piece)
def test_hostile_input(piece: str) -> None:
    """A megabyte of tags or comments without an end takes linear time."""
    started = time.thread_time()
    plain_text(piece * (1_000_000 // len(piece)))
    assert time.thread_time() - started < 2
