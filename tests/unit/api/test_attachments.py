"""Files of a request: content, type, name and id as programs write them."""

from typing import Any

import pytest
from pydantic import ValidationError

from mail_api.attachments import Attachment


def attachment(**given: Any) -> Attachment:  # noqa: ANN401 - JSON
    """Return the attachment of these entries."""
    return Attachment.model_validate({"name": "a.bin", "content": "YQ==", **given})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("YWI=", b"ab", id="base64"),
        pytest.param("YWI", b"ab", id="no padding"),
        pytest.param("Y W\r\nI=\n", b"ab", id="lines"),
        pytest.param("__77", b"\xff\xfe\xfb", id="base64url"),
        pytest.param("-_8", b"\xfb\xff", id="base64url without padding"),
        pytest.param("", b"", id="empty"),
        pytest.param("data:;base64,YWI=", b"ab", id="data URL without a type"),
        pytest.param("data:image/png;base64,__77", b"\xff\xfe\xfb", id="data URL in base64url"),
        pytest.param("DATA:text/plain;charset=utf-8;BASE64,YWI", b"ab", id="data URL in upper case"),
        pytest.param("data:text/plain,Gr%C3%BC%C3%9Fe", "Grüße".encode(), id="data URL without base64"),
        pytest.param(b"\0\xff", b"\0\xff", id="bytes of a form"),
    ],
)
def test_content(content: str | bytes, expected: bytes) -> None:
    """The bytes come out whole."""
    assert attachment(content=content).content == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"content": "%%"}, "is not base64", id="other characters"),
        pytest.param({"content": "YWJjZ"}, "is not base64: its length shows that characters are missing", id="cut off"),
        pytest.param({"content": "YQ==="}, "is not base64", id="too much padding"),
        pytest.param({"content": "Y=Q="}, "is not base64", id="padding inside"),
        pytest.param({"content": 1}, "must be a string", id="a number"),
        pytest.param({"type": "png"}, "is not a media type such as image/png", id="no media type"),
        pytest.param({"type": "text/x; a=\x7f"}, "is not a media type such as image/png", id="control character"),
        pytest.param({"type": "a/b" + "; x=y" * 200}, "is not a media type such as image/png", id="long type"),
        pytest.param({"content_id": "a b"}, "must be letters, digits, and . _ @ -", id="blank in an id"),
        pytest.param({"content_id": "a>\nX: y"}, "must be letters, digits, and . _ @ -", id="line break in an id"),
        pytest.param({"name": "a" * 4_001}, "at most 4000", id="endless name"),
        pytest.param({"name": "\u200b\u202e"}, "must not be empty", id="invisible name"),
    ],
)
def test_wrong(given: dict[str, Any], expected: str) -> None:
    """An error says what is wrong."""
    with pytest.raises(ValidationError) as raised:
        attachment(**given)
    assert expected in raised.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            {"type": "text/calendar; method=REQUEST"}, 'text/calendar; method=REQUEST; charset="utf-8"', id="method"
        ),
        pytest.param({"type": "Text/CSV;Charset=ISO-8859-1"}, "text/csv; charset=ISO-8859-1", id="charset"),
        pytest.param({"type": 'a/b; x="y z"'}, 'a/b; x="y z"', id="quoted"),
        pytest.param({"type": r'a/b; x="y\"z"'}, r'a/b; x="y\"z"', id="quote in quotes"),
        pytest.param({"type": "a/b; name=other.txt; boundary=q; c"}, "a/b", id="dropped"),
        pytest.param({"type": "", "name": "a.html"}, 'text/html; charset="utf-8"', id="guessed"),
        pytest.param({"type": None}, "application/octet-stream", id="null"),
        pytest.param({"type": "text/plain", "content": "/w=="}, "text/plain", id="text in another charset"),
        pytest.param({"content": "data:image/png;base64,YQ=="}, "image/png", id="data URL"),
        pytest.param({"content": "data:image/png;base64,YQ==", "type": "image/gif"}, "image/gif", id="own type first"),
        pytest.param({"content": "data:,a", "name": "a.txt"}, 'text/plain; charset="utf-8"', id="data URL, guessed"),
        pytest.param({"type": "multipart/mixed; boundary=q"}, "application/octet-stream", id="multipart"),
        pytest.param({"type": "message/rfc822"}, "application/octet-stream", id="a mail"),
    ],
)
def test_type(given: dict[str, Any], expected: str) -> None:
    """The type keeps its parameters, and UTF-8 text gets its charset."""
    assert attachment(**given).content_type == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("=?utf-8?B?Z3LDvMOfZS50eHQ=?=", "grüße.txt", id="encoded word"),
        pytest.param("=?utf-8?Q?gr=C3=BC?= =?iso-8859-1?Q?=DFe.txt?=", "grüße.txt", id="two charsets"),
        pytest.param("=?nope?Q?a?=.txt", "=?nope?Q?a?=.txt", id="unknown charset"),
        pytest.param("=?utf-8?Q?a=0Ab?=", "=?utf-8?Q?a=0Ab?=", id="line break in it"),
        pytest.param("invoice\u202efdp.exe", "invoicefdp.exe", id="right-to-left override"),
        pytest.param("\ufeffa\u200b.txt\u00ad", "a.txt", id="invisible"),
        pytest.param("می\u200cخط.txt", "می\u200cخط.txt", id="joiner within a Persian word"),
        pytest.param("C:\\tmp/x\\a.txt", "a.txt", id="folders"),
        pytest.param("a" * 300 + ".pdf", "a" * 196 + ".pdf", id="long"),
        pytest.param("字" * 300 + ".tar.gz", "字" * 197 + ".gz", id="long, not ASCII"),
        pytest.param("a." + "b" * 300, "a." + "b" * 198, id="long suffix"),
    ],
)
def test_name(name: str, expected: str) -> None:
    """The name is readable, without hidden characters, and keeps its suffix when it is cut."""
    assert attachment(name=name).name == expected


@pytest.mark.parametrize("given", ["logo", "<logo>", "cid:logo", " logo "])
def test_content_id(given: str) -> None:
    """An id is accepted in the ways that programs write it."""
    assert attachment(content_id=given).content_id == "logo"
