"""Changes of prometheus.yml: load the alert rules, scrape both services."""

from collections.abc import Iterator, Mapping
from typing import Final

from yaml import Node

from dinky.changes.change import Change
from dinky.server_folder import PROMETHEUS
from dinky.yaml_edit import CannotEditError, add_key, append, child, elements, parse, scalars

PATTERN: Final = "mail/*.yml"
TARGETS: Final = {"mail-api": "mail-api:9464", "mail-exporter": "mail-exporter:9154"}
"""Each job and its target, as in the labels of the containers."""
_LABEL: Final = "__meta_docker_container_label_prometheus_scrape"


def changes(texts: Mapping[str, str]) -> Iterator[Change]:
    """Yield the changes of Prometheus's configuration."""
    if PROMETHEUS not in texts:
        return
    yield Change(
        PROMETHEUS, "Prometheus loads the rules about mail", f'add `- "{PATTERN}"` to `rule_files`', _load_rules
    )
    yield Change(
        PROMETHEUS,
        "Prometheus scrapes mail-api and mail-exporter",
        f"add a job for each of {', '.join(TARGETS.values())} to `scrape_configs`",
        _scrape,
    )


def _load_rules(text: str) -> str:
    root = parse(text)
    files = child(root, "rule_files")
    if any(one.endswith(PATTERN) for one in scalars(files)):
        return text
    if files is None:
        return add_key(text, root, f'rule_files:\n  - "{PATTERN}"')
    return append(text, files, f'- "{PATTERN}"')


def _scrape(text: str) -> str:
    configs = child(parse(text), "scrape_configs")
    jobs = elements(configs)
    if any(_discovers(job) for job in jobs):
        return text
    asked = {target for job in jobs for one in elements(child(job, "static_configs")) for target in _targets(one)}
    lines = [
        f'- job_name: {job}\n  static_configs: [{{targets: ["{target}"]}}]'
        for job, target in TARGETS.items()
        if target not in asked
    ]
    if not lines:
        return text
    if configs is None:
        raise CannotEditError("there are no `scrape_configs`")
    return append(text, configs, "\n".join(lines))


def _discovers(job: Node) -> bool:
    """Return whether a job discovers containers by the label that ours have."""
    kept = [scalars(child(rule, "source_labels")) for rule in elements(child(job, "relabel_configs"))]
    return child(job, "docker_sd_configs") is not None and [_LABEL] in kept


def _targets(config: Node) -> list[str]:
    return scalars(child(config, "targets"))
