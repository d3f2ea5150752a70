"""Templates of form files: what they can do, and what the sandbox refuses."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import pytest
from jinja2.filters import FILTERS as DEFAULT_FILTERS

from mail_api.errors import InvalidRequest
from mail_api.form_templates import FILTERS, FormTemplate, TemplateUnusable

VALUES: Final = MappingProxyType({"name": "Anna", "your-name": "Lee", "message": "<b>{{ 7 * 7 }}</b>\nHi"})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("From {{ name }}", "From Anna"),
        ("From {{ fields['your-name'] }}", "From Lee"),
        ("Phone: {{ phone }}.{{ fields.fax }}", "Phone: ."),
        ("{% if phone %}Phone{% else %}None{% endif %}", "None"),
        ("{% for name, value in fields.items() %}{{ name }};{% endfor %}", "name;your-name;message;"),
        ("{{ message }}", "<b>{{ 7 * 7 }}</b>\nHi"),
        ("{{ message | indent(2) }}", "<b>{{ 7 * 7 }}</b>\n  Hi"),
        ("{{ name | upper }} {{ 2 * 3 }}", "ANNA 6"),
    ],
    ids=["field", "any name", "absent", "condition", "loop", "value is no template", "filter", "numbers"],
)
def test_text(source: str, expected: str) -> None:
    """Values stand where the template has their names; an absent field is empty; a value is never a template."""
    assert FormTemplate(source).render(VALUES) == expected


@pytest.mark.parametrize(
    "source",
    ["{{ message }}", "{{ message | upper | lower }}", "{{ fields.message }}"],
    ids=["name", "filter", "mapping"],
)
def test_html(source: str) -> None:
    """In HTML, values are escaped."""
    assert FormTemplate(source, is_html=True).render(VALUES).startswith("&lt;b&gt;")


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ name.__class__ }}",
        "{{ fields.__init__.__globals__ }}",
        "{{ fields.pop('name') }}",
        "{{ fields.update(name='x') }}",
        "{{ name.format(1) }}",
        "{{ '%s' % name }}",
        "{{ name * 1000000 }}",
        "{{ 2 ** 100000 }}",
        "{{ range(10) }}",
        "{{ lipsum() }}",
        "{{ cycler('a') }}",
        "{{ name | attr('upper') }}",
        "{{ message | safe }}",
        "{{ name | center(100000) }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{{ name",
        "{{ name | nothing }}",
        "{{ name.age }}",
        "{{ name + 1 }}",
    ],
)
def test_refused(source: str) -> None:
    """Attributes of objects, calls, unsafe filters, other files and mistakes are errors before anything is sent."""
    for is_html in (False, True):
        with pytest.raises(TemplateUnusable):
            FormTemplate(source, is_html=is_html)


def test_error_has_the_line() -> None:
    """A mistake is reported with its line."""
    with pytest.raises(TemplateUnusable, match="line 2: "):
        FormTemplate("Hi\n{% if %}")


def test_bounded() -> None:
    """What a template makes of long values has a limit, and ends when it is reached."""
    template = FormTemplate("{% for a in message %}{{ message }}{% endfor %}")
    with pytest.raises(InvalidRequest, match="more than 500000 characters"):
        template.render({"message": "x" * 20_000})


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("{{ name }}", {"name"}),
        ("{{ fields['name'] }}{{ fields.phone }}", {"name", "phone"}),
        ("{% for name, value in fields.items() %}{% endfor %}", {"name", "phone", "other"}),
        ("{{ fields[name] }}", {"name", "phone", "other"}),
        ("Hello", set()),
    ],
    ids=["name", "mapping", "loop", "computed", "none"],
)
def test_shown_fields(source: str, shown: set[str]) -> None:
    """It is known which fields a template shows; a loop over the mapping shows all."""
    template = FormTemplate(source)
    assert {name for name in ("name", "phone", "other") if template.shows(name)} == shown


def test_no_filter_makes_html() -> None:
    """No filter marks a text as safe or reads attributes, and each one is a filter of Jinja2."""
    assert not FILTERS & {"safe", "xmlattr", "tojson", "urlize", "attr", "map", "format"}
    assert set(DEFAULT_FILTERS) >= FILTERS
