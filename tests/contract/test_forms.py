"""docs/forms.md, the example of a plain HTML form and the tests' form file agree, and the page has every key."""

import re
import tomllib
from typing import Final

from mail_api.captcha import TOKEN_FIELDS
from mail_api.extra_fields import LONGEST_FIELD_NAME, LONGEST_VALUE, MOST_FIELDS
from mail_api.form_files import MOST_FORMS, FormFile, parse_form
from mail_api.form_templates import FILTERS, LONGEST_OUTPUT
from mail_api.settings import Settings
from tests.documents import ROOT, blocks
from tests.integration.api.conftest import with_values

PAGE: Final = ROOT / "docs/forms.md"
TEXT: Final = PAGE.read_text(encoding="utf-8")
EXAMPLE: Final = ROOT / "docs/examples/plain-form"
SETTINGS: Final = Settings(mail_domain="yourdomain.com")


def test_example_file() -> None:
    """The page shows the example's form file, and the integration tests use it with their recipient."""
    example = (EXAMPLE / "contact.toml").read_text(encoding="utf-8")
    assert next(block.text for block in blocks(PAGE) if block.language == "toml") == example
    assert (ROOT / "tests/integration/forms/contact.toml").read_text(encoding="utf-8") == with_values(example)


def test_example_page() -> None:
    """The page shows the example's form, whose fields are those of the file."""
    (form,) = (block.text for block in blocks(PAGE) if block.language == "html")
    assert form in (EXAMPLE / "index.html").read_text(encoding="utf-8")
    file = parse_form((EXAMPLE / "contact.toml").read_bytes(), SETTINGS)
    names = set(re.findall(r'\bname="(\w+)"', form))
    assert names - {*SETTINGS.honeypot_fields} == {name for _, name in file.named_fields}


def test_every_block_is_usable() -> None:
    """Each form file on the page can be loaded."""
    for block in blocks(PAGE):
        if block.language == "toml":
            complete = block.text if "to" in tomllib.loads(block.text) else f'to = "a@example.org"\n{block.text}'
            assert parse_form(complete.encode(), SETTINGS).to


def test_every_key_is_described() -> None:
    """The page has a row for each key."""
    assert set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) == set(FormFile.model_fields)


def test_names_and_limits() -> None:
    """The page names every captcha field and filter, and the limits."""
    named = set(re.findall(r"`([\w-]+)`", TEXT))
    assert TOKEN_FIELDS - named == set()
    assert FILTERS - named - {"d", "e"} == set(), "short forms of default and escape are not listed"
    for limit in (LONGEST_FIELD_NAME, LONGEST_VALUE, MOST_FIELDS, MOST_FORMS, LONGEST_OUTPUT):
        assert str(limit) in TEXT
