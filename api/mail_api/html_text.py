"""The plain text of an HTML body, by html-text, for mail programs and spam filters that need one.

lxml parses: it repairs broken markup, takes time in proportion to the length, and stops at a depth of 2048 elements.
"""

from itertools import islice
from typing import Final

from html_text import DOUBLE_NEWLINE_TAGS, NEWLINE_TAGS, etree_to_text
from lxml.etree import Comment, ProcessingInstruction, fromstring, strip_elements, strip_tags
from lxml.html import HtmlElement, HTMLParser

_BREAKS: Final = NEWLINE_TAGS | DOUBLE_NEWLINE_TAGS
"""Elements that begin a line."""
_HIDDEN: Final = (Comment, ProcessingInstruction, "script", "style", "template", "title")
# html-text puts a blank between elements. Within these a word goes on, as in <b>S</b>ale and H<sub>2</sub>O.
_INLINE: Final = (
    *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "img", "ins"),
    *("kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u"),
    *("var", "wbr"),
)
_MOST_PIECES: Final = 50
_LONGEST_PIECE: Final = 2_000
_NO_TARGET: Final = ("#", "javascript:", "cid:")


def plain_text(markup: str) -> str:
    """Return the text that the markup shows: a line for each block, the target behind each link.

    Cells of a row are separated by a blank. Comments, with Outlook's conditional blocks, are left out.
    """
    # huge_tree: 2048 levels instead of 256, which tags that are never closed can reach.
    parser = HTMLParser(encoding="utf-8", huge_tree=True)  # type: ignore[no-untyped-call]
    tree = fromstring(markup.replace("\0", "").encode(), parser)
    if tree is None:
        return ""
    strip_elements(tree, *_HIDDEN, with_tail=False)
    for image in tree.iter("img"):
        image.text = image.get("alt")
    for link in tree.iter("a"):
        _show_target(link)
    strip_tags(tree, *_INLINE)
    return etree_to_text(tree, newline_tags=_BREAKS, double_newline_tags=())


def _show_target(link: HtmlElement) -> None:
    """Append the link's target to its text, as <https://example.org> (RFC 3986 appendix C), unless that shows it."""
    target = "".join((link.get("href") or "").split())
    if not target or target.lower().startswith(_NO_TARGET):
        return
    # Its first pieces: links can be nested, and each would read all of the text again.
    shown = "".join(piece[:_LONGEST_PIECE] for piece in islice(link.itertext(), _MOST_PIECES)).strip()
    if target.partition(":")[2].strip("/") in shown if ":" in target else target == shown:
        return
    end = f" <{target}>" if shown else f"<{target}>"
    if len(link):
        link[-1].tail = (link[-1].tail or "").rstrip() + end
    else:
        link.text = (link.text or "").rstrip() + end
