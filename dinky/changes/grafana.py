"""Changes of Grafana's data sources: links from exemplars and log lines to the message trail, from traces to lines."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import yaml
from yaml import Node

from alerts.yaml_text import dump
from dinky.changes.change import Change
from dinky.server_folder import DATASOURCES
from dinky.yaml_edit import add_key, append, child, elements, parse, scalar

OURS: Final = Path(__file__).parents[2] / "dashboards/provisioning/datasources/mail.yml"
"""The data sources of the monitoring profile, with the links that are copied."""
LINKS: Final = (
    ("prometheus", "exemplarTraceIdDestinations", "an exemplar of a metric links to the message trail"),
    ("loki", "derivedFields", "a log line links to the message trail"),
    ("tempo", "tracesToLogsV2", "a trace links to its log lines"),
    ("tempo", "tracesToMetrics", "a trace links to the metrics"),
)


def changes(texts: Mapping[str, str]) -> Iterator[Change]:
    """Yield the links that the provisioned data sources lack; each links to a source in the same file."""
    if DATASOURCES not in texts:
        return
    kinds = {scalar(child(one, "type")): one for one in _sources(texts[DATASOURCES])}
    uids = {kind: uid(one) for kind, one in kinds.items()}
    for kind, key, what in LINKS:
        link = _link(kind, key, uids)
        if kind in kinds and link is not None:
            yield Change(
                DATASOURCES,
                f"Grafana: {what}",
                f"set `{key}` in `jsonData` of the {kind} source, as in dashboards/provisioning/datasources/mail.yml",
                partial(_add_link, kind=kind, key=key, link=link),
            )


def uid(source: Node) -> str:
    """Return a data source's uid: its own, or the one that Grafana derives from its name.

    Grafana's `safeUIDFromName`: P and the first 8 bytes of the name's SHA-256, in capital hexadecimals.
    """
    name = scalar(child(source, "name"))
    made = "P" + hashlib.sha256(name.encode()).hexdigest()[:16].upper()
    return scalar(child(source, "uid")) or made


def _sources(text: str) -> list[Node]:
    return elements(child(parse(text), "datasources"))


@cache  # read for each link of each plan
def _our_sources() -> tuple[dict[str, Any], ...]:
    return tuple(yaml.safe_load(OURS.read_text())["datasources"])


def _link(kind: str, key: str, uids: Mapping[str, str]) -> Any:  # noqa: ANN401 - any YAML
    """Return our link with the server's uids; None where the server has no such data source."""
    ours = _our_sources()
    text = json.dumps(next(one["jsonData"][key] for one in ours if one["type"] == kind))
    for one in ours:
        if one["uid"] in text:
            if one["type"] not in uids:
                return None
            text = text.replace(one["uid"], uids[one["type"]])
    return json.loads(text)


def _add_link(text: str, kind: str, key: str, link: Any) -> str:  # noqa: ANN401 - any YAML
    source = next(one for one in _sources(text) if scalar(child(one, "type")) == kind)
    settings = child(source, "jsonData")
    there = child(settings, key)
    if there is not None and not (isinstance(link, list) and _lacks(there, link[0])):
        return text
    if there is not None:
        return append(text, there, dump(link, "Dinky Mail"))
    block = dump({key: link}, "Dinky Mail")
    if settings is not None:
        return add_key(text, settings, block)
    return add_key(text, source, "jsonData:\n" + "".join(f"  {line}\n" for line in block.splitlines()))


def _lacks(sequence: Node, link: dict[str, Any]) -> bool:
    return all(scalar(child(one, "name")) != link["name"] for one in elements(sequence))
