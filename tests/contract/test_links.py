"""Targets of links in the documents exist."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.documents import ROOT, anchors, documents, files, links

MENTION = re.compile(r"(?<![\w/.…-])((?:[\w-]+/)+[\w.-]+\.md)\b")


def problem(document: Path, link: str) -> str | None:
    """Return the error of a link, or None; of an external address, only the form is checked."""
    parts = urlsplit(link)
    if parts.scheme in {"http", "https"}:
        return None if re.fullmatch(r"localhost|[\w-]+(\.[\w-]+)+", parts.hostname or "") else "no host"
    if parts.scheme:
        return None if parts.scheme == "mailto" and "@" in parts.path else "unexpected scheme"
    target = (document.parent / unquote(parts.path)).resolve() if parts.path else document
    if not target.is_relative_to(ROOT) or not target.exists():
        return "no such file"
    if parts.fragment and parts.fragment not in anchors(target):
        return "no such heading"
    return None


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links(document: Path) -> None:
    """Links lead to existing files and headings, and external addresses have a valid form."""
    problems = ((link, problem(document, link)) for link in links(document))
    assert [(link, wrong) for link, wrong in problems if wrong] == []


def test_links_are_found() -> None:
    """At least one link is found, so that the check above is not empty."""
    assert sum(len(links(document)) for document in documents()) > 100


def test_mentioned_documents_exist() -> None:
    """Every path of a document that is mentioned in a file, code included, exists."""
    wrong = [
        f"{path.relative_to(ROOT)}: {mention}"
        for path in files()
        if not path.is_relative_to(ROOT / "tests") and b"\0" not in path.read_bytes()
        for mention in MENTION.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / mention).exists() and not (path.parent / mention).exists()
    ]
    assert wrong == []
