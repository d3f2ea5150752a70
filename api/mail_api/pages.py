"""The answer as a page, for a visitor whose browser sent a form without a script."""

from html import escape
from string import Template
from typing import Final

from starlette.responses import HTMLResponse, Response

_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$title</title>
<style>body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }</style>
</head>
<body>
<main>
<h1>$title</h1>
<p role="$role">$message</p>
$list<p>$next</p>
</main>
</body>
</html>
""")
_SECURITY: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
}


def accepted() -> Response:
    """Return the page after a success, for forms that name none of their own."""
    return _page("Thank you", "Your message has been sent.", "You can close this page now.", role="status")


def unknown(message: str, message_id: str, status: int) -> Response:
    """Return the page after which nothing should be sent again: the mail may have been."""
    following = f"If you ask whom you wrote to whether it came, name this number: {message_id}"
    return _page("Your message may have been sent", message, following, role="alert", status=status)


def refused(message: str, status: int, errors: dict[str, str], headers: dict[str, str]) -> Response:
    """Return the page that says what went wrong; the form is one step back, as it was filled."""
    rows = "".join(f"<li>{escape(field)}: {escape(problem)}</li>" for field, problem in errors.items())
    return _page(
        "Your message was not sent",
        "Please check these fields:" if errors else message,
        "Go back to the form with your browser's Back button; what you wrote is still there.",
        items=f"<ul>{rows}</ul>\n" if rows else "",
        role="alert",
        status=status,
        headers=headers,
    )


def _page(  # noqa: PLR0913 - the parts of a page, by name
    title: str,
    message: str,
    following: str,
    *,
    role: str,
    items: str = "",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    text = _PAGE.substitute(title=escape(title), message=escape(message), next=escape(following), list=items, role=role)
    return HTMLResponse(text, status, _SECURITY | (headers or {}))
