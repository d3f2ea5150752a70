"""Form files: what they may hold, and the error for each mistake."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mail_api.form_files import FormsInvalid, load_forms
from mail_api.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

GOOD = 'to = "hi@mydomain.test"'


def settings(folder: Path, **changed: object) -> Settings:
    """Return settings with this folder of form files."""
    return Settings.model_validate({"mail_domain": "mydomain.test", "forms_path": folder, **changed})


def problems(folder: Path, **changed: object) -> list[str]:
    """Return the problems of the files in the folder, one line each."""
    with pytest.raises(FormsInvalid) as raised:
        load_forms(settings(folder, **changed))
    return list(raised.value.lines)


@pytest.mark.parametrize("name", ["none", "."], ids=["absent", "empty"])
def test_no_forms(tmp_path: Path, name: str) -> None:
    """Without a folder, or with an empty one, there are no forms."""
    assert load_forms(settings(tmp_path / name)) == {}


def test_only_form_files(tmp_path: Path) -> None:
    """Files with another ending, and hidden ones, are no form files."""
    for name in ("README.md", "contact.toml~", ".contact.toml", "contact.toml.example"):
        (tmp_path / name).write_text("no form", encoding="utf-8")
    assert load_forms(settings(tmp_path)) == {}


def test_smallest(tmp_path: Path) -> None:
    """A file needs a recipient only, and not even that with DEFAULT_TO."""
    (tmp_path / "contact.toml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "other-2.toml").write_bytes(b"\xef\xbb\xbf")
    forms = load_forms(settings(tmp_path, default_to="me@mydomain.test"))
    assert list(forms) == ["/forms/contact", "/forms/other-2"]
    assert forms["/forms/contact"].file.to[0].address == "hi@mydomain.test"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "to: is required, because DEFAULT_TO is not set; write to = ", id="no recipient"),
        pytest.param('to = "nobody"', 'to.0: An email address must have an @-sign; write it like to = "you@', id="to"),
        pytest.param(
            f'{GOOD}\nsubjct = "x"', "subjct: is not a key of a form file; the keys are to, subject", id="key"
        ),
        pytest.param(f"{GOOD}\nsubject = 1", 'subject: is not a text; write it in quotes: "..."', id="no text"),
        pytest.param(f'{GOOD}\nsubject = "{{{{ x"', "subject: line 1: unexpected end of template", id="syntax"),
        pytest.param(f'{GOOD}\nbody = "{{{{ x.y }}}}"', "body: fails when fields have the value ''", id="template"),
        pytest.param(f'{GOOD}\nhtml = "{{{{ x|safe }}}}"', "html: line 1: No filter named 'safe'", id="filter"),
        pytest.param(f'{GOOD}\nrequired = "email"', 'required: is not a list; write ["one", "two"]', id="list"),
        pytest.param(f'{GOOD}\norigins = ["*"]', "origins.0: `*` would let every website send", id="every origin"),
        pytest.param(f'{GOOD}\norigins = ["a b"]', "origins.0: holds an entry that is neither", id="origin"),
        pytest.param(f'{GOOD}\nreply_to_name = "name"', "reply_to_name: needs reply_to", id="name alone"),
        pytest.param(f'{GOOD}\nrequired = ["_next"]', "required: the field _next is never part of a mail", id="hidden"),
        pytest.param(f'{GOOD}\nbody = "{{{{ hp_url }}}}"', "body: the field hp_url is never part of a mail", id="trap"),
        pytest.param(f'{GOOD}\nlabels = "x"', "labels: is not a table of names and texts", id="no table"),
        pytest.param(f'{GOOD}\n[labels]\nname = "a\\nb"', "labels.name: must be one line", id="label"),
        pytest.param(
            f'{GOOD}\n[confirmation]\nredirect = "javascript:alert(1)"',
            "confirmation.redirect: is not the address of a page; write it like https://",
            id="redirect",
        ),
        pytest.param(
            f'{GOOD}\n[confirmation]\nredirect = "https://a.test/"\ntitle = "x"',
            "confirmation: redirect replaces the page: remove title and text, or redirect",
            id="two pages",
        ),
        pytest.param("to = hi", "is not valid TOML: Invalid value (at line 1, column 6)", id="TOML"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, expected: str) -> None:
    """A mistake is one line with file, key and fix."""
    (tmp_path / "contact.toml").write_text(text, encoding="utf-8")
    (line,) = problems(tmp_path)
    assert line.startswith(f"forms/contact.toml: {expected}")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("Über uns.toml", b"", "the name becomes a path: rename it"),
        ("contact.toml", b"\xff", "is not UTF-8; save it in this encoding"),
        ("contact.toml", b"#" * 100_001, "has 100001 bytes; 100000 is the most"),
    ],
    ids=["name", "encoding", "size"],
)
def test_unusable_files(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    """So is a file that cannot be read as a form file at all."""
    (tmp_path / name).write_bytes(content)
    (line,) = problems(tmp_path)
    assert line.startswith(f"forms/{name}: {expected}")


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    """Docker makes a folder of a mounted file that is not there."""
    (tmp_path / "contact.toml").mkdir()
    assert problems(tmp_path) == [
        "forms/contact.toml: cannot be read (Is a directory); make it a file that all can read: chmod a+r"
    ]


def test_file_in_place_of_the_folder(tmp_path: Path) -> None:
    """The folder itself can be a mistake too."""
    (tmp_path / "forms").write_text("", encoding="utf-8")
    (line,) = problems(tmp_path / "forms")
    assert "cannot be read (Not a directory); make the folder of FORMS_DIR readable" in line


def test_all_problems(tmp_path: Path) -> None:
    """The problems of all files are reported together."""
    (tmp_path / "a.toml").write_text("to = 1\nhtml = 2", encoding="utf-8")
    (tmp_path / "b.toml").write_text("to = ", encoding="utf-8")
    assert [line.split(" ")[0:2] for line in problems(tmp_path)] == [
        ["forms/a.toml:", "to.0:"],
        ["forms/a.toml:", "html:"],
        ["forms/b.toml:", "is"],
    ]


def test_too_many(tmp_path: Path) -> None:
    """The number of forms is limited, since each has time series of its own."""
    for number in range(51):
        (tmp_path / f"form{number}.toml").write_text(GOOD, encoding="utf-8")
    assert problems(tmp_path) == ["forms: there are 51 form files; 50 is the most, remove some"]


@pytest.mark.slow
def test_broken_file_stops_the_start(tmp_path: Path) -> None:
    """The service does not start with a broken file: it prints the line and ends with 2."""
    (tmp_path / "contact.toml").write_text("to = ", encoding="utf-8")
    variables = {"MAIL_DOMAIN": "mydomain.test", "FORMS_PATH": str(tmp_path), "OTEL_SDK_DISABLED": "true"}
    done = subprocess.run(
        (sys.executable, "-m", "mail_api"), env=variables, check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr.partition(": Invalid")[0]) == (2, "forms/contact.toml: is not valid TOML")
