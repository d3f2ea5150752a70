"""Changes of alertmanager.yml: a route of its own for alerts about mail, before all others."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from yaml import Node

from alerts.yaml_text import dump
from dinky.changes.change import Change, NotConfiguredError, Routes
from dinky.server_folder import ALERTMANAGER
from dinky.yaml_edit import CannotEditError, add_key, append, child, content, elements, parse, prepend, scalar

_NO_ROUTE: Final = "no notification route is configured: alerts about mail are not sent"
_HINT: Final = (
    "set one of the variables ALERT_... in .env.mail.prod (alerts/README.md names them) and run `make dinky` again; or "
    'add a route to alertmanager.yml whose receiver is `mail` and whose matcher is `service="mail"`'
)


def changes(texts: Mapping[str, str], routes: Routes | None) -> Iterator[Change]:
    """Yield the changes of Alertmanager's configuration; without a route, only the missing one."""
    if ALERTMANAGER not in texts:
        return
    if routes is None:
        yield Change(ALERTMANAGER, "alerts about mail have a notification route", _HINT, _find_route)
        return
    yield Change(
        ALERTMANAGER,
        "alerts about mail have a route of their own, before all others",
        "put the route of `make alert-routes` first below `route:`, `routes:`",
        partial(_add_route, route=routes.route),
    )
    for one in routes.receivers:
        yield Change(
            ALERTMANAGER,
            f"the receiver {one['name']} is there",
            "add the receivers of `make alert-routes` to `receivers:`",
            partial(_add_receiver, receiver=one),
        )
    yield Change(
        ALERTMANAGER,
        "alerts that follow from a failed mail server are inhibited",
        "add the rules of `make alert-routes` to `inhibit_rules:`",
        partial(_add_inhibitions, inhibitions=routes.inhibitions),
    )


def _find_route(text: str) -> str:
    if _named(child(parse(text), "route", "routes"), "receiver", "mail"):
        return text
    raise NotConfiguredError(f"{_NO_ROUTE}. To change that, {_HINT}")


def _add_route(text: str, route: dict[str, Any]) -> str:
    root = parse(text)
    top = child(root, "route")
    routes = child(top, "routes")
    if _named(routes, "receiver", route["receiver"]):
        return text
    if top is None:
        raise CannotEditError("there is no `route`")
    block = dump([route], "Dinky Mail: not by the mail whose failure it reports.")
    return add_key(text, top, "routes:\n" + _deeper(block)) if routes is None else prepend(text, routes, block)


def _add_receiver(text: str, receiver: dict[str, Any]) -> str:
    receivers = child(parse(text), "receivers")
    if _named(receivers, "name", receiver["name"]):
        return text
    if receivers is None:
        raise CannotEditError("there are no `receivers`")
    return append(text, receivers, dump([receiver], "Dinky Mail, from the variables ALERT_..."))


def _add_inhibitions(text: str, inhibitions: list[dict[str, Any]]) -> str:
    root = parse(text)
    node = child(root, "inhibit_rules")
    there = [content(one) for one in elements(node)]
    missing = [one for one in inhibitions if one not in there]
    if not missing:
        return text
    block = dump(missing, "Dinky Mail: what follows from something worse, that fires too.")
    return add_key(text, root, "inhibit_rules:\n" + _deeper(block)) if node is None else append(text, node, block)


def _named(sequence: Node | None, key: str, name: str) -> bool:
    return any(scalar(child(one, key)) == name for one in elements(sequence))


def _deeper(block: str) -> str:
    return "".join(f"  {line}\n" for line in block.splitlines())
