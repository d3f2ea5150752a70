"""Forms as browsers and libraries write them: each part is delivered, or an error names it and the fix."""

from typing import Any

import pytest

from mail_api.errors import InvalidRequest
from mail_api.form_data import parse_multipart, parse_urlencoded

MULTIPART = "multipart/form-data; boundary=b"
FIX = 'send the form as UTF-8: <form accept-charset="utf-8">'


def part(disposition: str, content: bytes, *headers: str) -> bytes:
    """Return a part of a multipart form."""
    lines = (f"Content-Disposition: {disposition}", *headers)
    return b"--b\r\n" + b"".join(line.encode() + b"\r\n" for line in lines) + b"\r\n" + content + b"\r\n"


def field(content: bytes, *headers: str, name: str = "body") -> bytes:
    """Return a text field."""
    return part(f'form-data; name="{name}"', content, *headers)


def parsed(*parts: bytes, end: bytes = b"--b--\r\n", content_type: str = MULTIPART, charset: str | None = None) -> Any:  # noqa: ANN401 - JSON
    """Return the payload of these parts."""
    return parse_multipart(b"".join(parts) + end, content_type, charset)


def file(name: str, content: bytes = b"x", kind: str = "", content_id: str = "") -> dict[str, object]:
    """Return an attachment as the payload has it."""
    return {"name": name, "type": kind, "content": content, "content_id": content_id}


@pytest.mark.parametrize(
    ("disposition", "expected"),
    [
        pytest.param('form-data; name="f"; filename="a.txt"', "a.txt", id="plain"),
        pytest.param("form-data; name=f; filename=a.txt", "a.txt", id="without quotes"),
        pytest.param('form-data; name="f"; filename="grüße.txt"', "grüße.txt", id="UTF-8"),
        pytest.param("form-data; name=\"f\"; filename*=UTF-8''gr%C3%BC%C3%9Fe.txt", "grüße.txt", id="extended alone"),
        pytest.param("form-data; name=f; filename=x; filename*=iso-8859-1'de'gr%FC.txt", "grü.txt", id="Latin-1"),
        pytest.param("form-data; name=f; filename*=UTF-8''b.txt; filename=x", "b.txt", id="extended first"),
        pytest.param("form-data; name=f; filename*0=one; filename*1=two.txt", "onetwo.txt", id="in pieces"),
        pytest.param('form-data; name="f"; filename="=?utf-8?Q?gr=C3=BC.txt?="', "grü.txt", id="encoded word"),
        pytest.param('form-data; name="f"; filename="a%22b.txt"', 'a"b.txt', id="quote of a browser"),
        pytest.param(r'form-data; name="f"; filename="a\"b.txt"', 'a"b.txt', id="quote of a library"),
        pytest.param('form-data; name="f"; filename="a;b=c.txt"', "a;b=c.txt", id="semicolon"),
        pytest.param('form-data; name="f"; filename="100%25.txt"', "100%25.txt", id="other escape"),
        pytest.param('form-data; filename="a.txt"', "a.txt", id="no field name"),
        pytest.param('Form-Data; NAME="f"; FileName="a.txt"', "a.txt", id="upper case"),
    ],
)
def test_file_names(disposition: str, expected: str) -> None:
    """A file is delivered under its name, however that is written."""
    assert parsed(part(disposition, b"x")) == {"attachments": [file(expected)]}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param(part('form-data; name="f"; filename=""', b""), {}, id="file field left empty"),
        pytest.param(
            part('form-data; name="photo"; filename=""', b"x", "Content-Type: image/png"),
            {"attachments": [file("photo.png", kind="image/png")]},
            id="no file name",
        ),
        pytest.param(
            part('form-data; name="f"; filename="a.txt"', b""), {"attachments": [file("a.txt", b"")]}, id="empty file"
        ),
        pytest.param(
            part('form-data; name="f"; filename="a"', b"eA==\r\n", "Content-Transfer-Encoding: base64"),
            {"attachments": [file("a")]},
            id="base64",
        ),
        pytest.param(
            field(b"Gr=C3=BC=\r\n=C3=9Fe", "Content-Transfer-Encoding: Quoted-Printable"), {"body": "Grüße"}, id="qp"
        ),
        pytest.param(field(b"a", "Content-Transfer-Encoding: 8bit"), {"body": "a"}, id="8bit"),
        pytest.param(
            field("Grüße".encode("latin-1"), "Content-Type: text/plain; charset=ISO-8859-1"),
            {"body": "Grüße"},
            id="charset of a part",
        ),
        pytest.param(
            field("é".encode(), "Content-Type: text/plain; charset=US-ASCII"), {"body": "é"}, id="UTF-8 called ASCII"
        ),
        pytest.param(
            field(b"windows-1252", name="_charset_") + field("5 €".encode("cp1252")), {"body": "5 €"}, id="_charset_"
        ),
        pytest.param(
            field("5 €".encode("cp1252")) + field(b"windows-1252", name="_charset_"),
            {"body": "5 €"},
            id="_charset_ behind",
        ),
        pytest.param(field(b"", name="_charset_") + field("é".encode()), {"body": "é"}, id="empty _charset_"),
        pytest.param(part("form-data; name*=UTF-8''bod%79", b"a"), {"body": "a"}, id="extended name"),
        pytest.param(part('form-data; name="=?utf-8?B?Ym9keQ==?="', b"a"), {"body": "a"}, id="encoded name"),
        pytest.param(
            part('form-data; name="i"; filename="l.png"', b"x", "Content-ID: <logo>"),
            {"attachments": [file("l.png", content_id="<logo>")]},
            id="Content-ID",
        ),
        pytest.param(
            field(b"x --b-- and --b\r\n --b\r\n"), {"body": "x --b-- and --b\r\n --b\r\n"}, id="boundary in text"
        ),
        pytest.param(field(b'{"a":1}', "Content-Type: application/json"), {"body": '{"a":1}'}, id="JSON in a field"),
        pytest.param(part('form-data; name=""', b"a"), {"": "a"}, id="empty name"),
        pytest.param(b"\r\n" + field(b"a"), {"body": "a"}, id="empty line first"),
    ],
)
def test_parts(parts: bytes, expected: dict[str, Any]) -> None:
    """Each kind of part arrives with its whole content."""
    assert parsed(parts) == expected


def test_nested() -> None:
    """Several files in one field, as older clients send them, are all delivered."""
    inner = (
        b'--i\r\nContent-Disposition: file; filename="a.txt"\r\n\r\nA\r\n'
        b'--i\r\nContent-Disposition: attachment; filename="b.txt"\r\nContent-Type: text/csv\r\n\r\nB\r\n--i--'
    )
    found = parsed(field(inner, "Content-Type: multipart/mixed; boundary=i", name="files"), field(b"x"))
    assert found == {"body": "x", "attachments": [file("a.txt", b"A"), file("b.txt", b"B", "text/csv")]}


def test_order() -> None:
    """Fields keep the order of the form, by their first appearance."""
    found = parsed(*(field(b"x", name=name) for name in ("z", "body", "a", "z", "metadata.q", "m")))
    assert [*found] == ["z", "body", "a", "metadata.q", "m", "metadata"]
    assert [*parse_urlencoded(b"z=1&body=2&a=3&z=4&m=5")] == ["z", "body", "a", "m"]


@pytest.mark.parametrize(
    ("parts", "end", "message"),
    [
        pytest.param(field(b"a"), b"", "its closing boundary is missing", id="no closing boundary"),
        pytest.param(field(b"a"), b"--b", "its closing boundary is missing", id="cut in the boundary"),
        pytest.param(field(b"a"), b"--b-", "its closing boundary is missing", id="cut before the last hyphen"),
        pytest.param(b'--b\r\nContent-Disposition: form-data; name="f"; file', b"", "closing", id="cut in a header"),
        pytest.param(field(b"a"), b"--b--\r\n" + field(b"b"), "data behind its closing boundary", id="data behind"),
        pytest.param(b"preamble\r\n" + field(b"a"), b"--b--", "a boundary or the headers", id="text before"),
        pytest.param(b"--b\r\n" + field(b"a"), b"--b--", "a boundary or the headers", id="boundary twice"),
        pytest.param(field(b"a").replace(b"\r\n", b"\n"), b"--b--", "a boundary or the headers", id="bare line feeds"),
        pytest.param(part("form-data", b"a"), b"--b--", 'part 1 has no name; add name="..."', id="no name"),
        pytest.param(field(b"a") * 301, b"--b--", "more than 300 parts", id="many parts"),
        pytest.param(field(b"a") * 201, b"--b--", "more than 200 fields or 100 files", id="many fields"),
        pytest.param(
            part("form-data; name=f; filename=a", b"a") * 101, b"--b--", "200 fields or 100 files", id="many files"
        ),
        pytest.param(
            field(b"x" * 9, f"X-Long: {'a' * 17_000}"), b"--b--", "a boundary or the headers", id="long header"
        ),
        pytest.param(
            field(b"x", "Content-Type: multipart/mixed"),
            b"--b--",
            "must name one boundary",
            id="inner",
        ),
    ],
)
def test_no_form(parts: bytes, end: bytes, message: str) -> None:
    """A form that cannot be read as a whole is rejected with the reason."""
    with pytest.raises(InvalidRequest) as raised:
        parsed(parts, end=end)
    assert raised.value.errors["request"].startswith("is not a valid form: ")
    assert message in raised.value.errors["request"]


@pytest.mark.parametrize(
    ("parts", "errors"),
    [
        pytest.param(field(b"\xfc"), {"body": f"is not UTF-8; {FIX}"}, id="not UTF-8"),
        pytest.param(
            field(b"a", "Content-Type: text/plain; charset=nope"),
            {"body": f"has an unknown charset; {FIX}"},
            id="charset",
        ),
        pytest.param(
            field(b"\x81", "Content-Type: text/plain; charset=shift_jis"),
            {"body": f"is not in the charset that the form declares; {FIX}"},
            id="not Shift_JIS",
        ),
        pytest.param(
            field(b"%", "Content-Transfer-Encoding: base64"),
            {"body": "is not base64, which its Content-Transfer-Encoding names"},
            id="no base64",
        ),
        pytest.param(
            field(b"x", "Content-Transfer-Encoding: x-uuencode"),
            {"body": "has an unknown Content-Transfer-Encoding; leave this header out"},
            id="unknown encoding",
        ),
        pytest.param(
            field(b"x", name="attachments") + part("form-data; name=f; filename=a", b"x"),
            {"attachments": "is a text field and the list of files; give the field another name"},
            id="field called attachments",
        ),
        pytest.param(
            field(
                b'--i\r\nContent-Disposition: form-data; name="n"\r\nContent-Type: multipart/mixed; boundary=j\r\n\r\n'
                b"x\r\n--i--",
                "Content-Type: multipart/mixed; boundary=i",
            ),
            {"n": "is nested more than once; send each file as a part of the form"},
            id="nested twice",
        ),
    ],
)
def test_wrong_parts(parts: bytes, errors: dict[str, str]) -> None:
    """A part that cannot be read is named with the fix."""
    with pytest.raises(InvalidRequest) as raised:
        parsed(parts)
    assert raised.value.errors == errors


def test_two_boundaries() -> None:
    """A Content-Type with two boundaries is rejected: which one counts differs between programs."""
    with pytest.raises(InvalidRequest, match="must name one boundary"):
        parsed(field(b"a"), content_type="multipart/form-data; boundary=b; boundary=c")


@pytest.mark.parametrize(
    ("raw", "charset", "expected"),
    [
        pytest.param(b"body=a;b=c", None, {"body": "a;b=c"}, id="semicolon"),
        pytest.param(b"body=100%&a=%zz%4", None, {"body": "100%", "a": "%zz%4"}, id="percent sign"),
        pytest.param(b"body=%E2%82%AC+5", None, {"body": "€ 5"}, id="UTF-8"),
        pytest.param("body=ü".encode(), "UTF-8", {"body": "ü"}, id="not escaped"),
        pytest.param(b"body=%80", "iso-8859-1", {"body": "€"}, id="Latin-1 as browsers read it"),
        pytest.param(b"body=\xfc", "latin1", {"body": "ü"}, id="Latin-1, not escaped"),
        pytest.param(b"_charset_=windows-1251&body=%CF", None, {"body": "П"}, id="_charset_"),
        pytest.param(b"body=%82%A0", "Shift_JIS", {"body": "あ"}, id="Japanese"),
        pytest.param(b"body=%FC&_charset_=unknown", "latin1", {"body": "ü"}, id="unknown _charset_"),
        pytest.param(b"a&b=&=c", None, {"a": "", "b": "", "": "c"}, id="no value, no name"),
    ],
)
def test_urlencoded(raw: bytes, charset: str | None, expected: dict[str, str]) -> None:
    """Values are decoded by the charset; nothing that is not an escape changes."""
    assert parse_urlencoded(raw, charset) == expected


@pytest.mark.parametrize(
    ("raw", "charset", "errors"),
    [
        pytest.param(b"body=%fc", None, {"body": f"is not UTF-8; {FIX}"}, id="Latin-1"),
        pytest.param(b"n%fc=1", None, {"request": f"is not UTF-8; {FIX}"}, id="name"),
        pytest.param(b"a=1", "utf-7", {"request": f"has an unknown charset; {FIX}"}, id="unknown charset"),
        pytest.param(
            b"body=%u20AC",
            None,
            {"body": "is encoded by escape(); use encodeURIComponent() or URLSearchParams"},
            id="escape()",
        ),
        pytest.param(b"a&" * 300, None, {"request": "is not a valid form: it has more than 200 fields"}, id="many"),
    ],
)
def test_wrong_urlencoded(raw: bytes, charset: str | None, errors: dict[str, str]) -> None:
    """An error names the field and the fix."""
    with pytest.raises(InvalidRequest) as raised:
        parse_urlencoded(raw, charset)
    assert raised.value.errors == errors


def test_text_of_metadata_is_not_lost() -> None:
    """A field `metadata` beside `metadata.form` stays in the payload, which then is rejected."""
    assert parse_urlencoded(b"metadata=x&metadata.form=y")["metadata"] == "x"
