"""Changes of docker-compose.yml: disable the old mail server; flags and mounts of the monitoring services."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from dinky.changes.change import Change, Routes
from dinky.server_folder import COMPOSE, PROMETHEUS, PROMTAIL, RULES
from dinky.yaml_edit import (
    CannotEditError,
    add_first_key,
    append,
    child,
    elements,
    items,
    parse,
    remove_element,
    rename_key,
    scalar,
    scalars,
)

OURS: Final = frozenset({"mail-server", "mail-api", "mail-exporter"})
"""The container names that Dinky Mail uses."""
PROFILE: Final = "replaced-by-dinky-mail"
REPLACED: Final = "replaced-"
"""Prefix of the name of a service that Dinky Mail replaces."""
_PLACEHOLDER: Final = """\
# Dinky Mail has its own compose file. This entry does nothing: it is for scripts that start {name} by name.
{name}:
  image: busybox:1.37
  container_name: {name}-placeholder
  profiles: ["{profile}"]
  command: [echo, "Dinky Mail runs {container} from docker-compose.mail.prod.yml"]
  network_mode: none
  restart: "no"
"""
SOCKET: Final = "/var/run/docker.sock"
SECRETS: Final = "/run/secrets"
_RULES_INSIDE: Final = "/etc/prometheus/mail"
_OUR_IMAGES: Final = "dinky-mail/"
_WAITS: Final = ("depends_on", "links")
_EXEMPLARS: Final = ("--enable-feature=exemplar-storage", "Prometheus stores exemplars, which link metrics to traces")


def changes(texts: Mapping[str, str], routes: Routes | None, secrets: str) -> Iterator[Change]:
    """Yield the changes of the compose file; those of a service depend on its own configuration."""
    services = child(parse(texts[COMPOSE]), "services")
    yield from _replacements(services)
    yield from _flags(services)
    yield from _mounts(services, texts, routes, secrets)


def _replacements(services: Node | None) -> Iterator[Change]:
    replaced = {name for name, one in items(services) if _is_replaced(name, one)}
    for name in sorted(replaced):
        plain = name.removeprefix(REPLACED)
        yield Change(
            COMPOSE,
            f"its own service {plain} is not started, even by name",
            f'rename the service {plain} to {REPLACED}{plain}, give it the line `profiles: ["{PROFILE}"]`, and add '
            f"a service {plain} that does nothing, as `make dinky` shows it",
            partial(_replace_service, name=name),
        )
    waited_for = sorted({name.removeprefix(REPLACED) for name in replaced})
    for name, one in items(services):
        for key in _WAITS if name not in replaced else ():
            for other in waited_for:
                if other in _names(child(one, key)):
                    yield Change(
                        COMPOSE,
                        f"{name} does not wait for its own {other}",
                        f"remove {other} from `{key}` of the service {name}",
                        partial(_without, name=name, key=key, other=other),
                    )


def _is_replaced(name: str, service: Node) -> bool:
    return _container(name, service) in OURS and not scalar(child(service, "image")).startswith(_OUR_IMAGES)


def _container(name: str, service: Node) -> str:
    return scalar(child(service, "container_name"), name)


def _names(value: Node | None) -> list[str]:
    return [name for name, _ in items(value)] or scalars(value)


def _service(text: str, name: str) -> Node:
    found = child(parse(text), "services", name)
    if found is None:
        raise CannotEditError(f"there is no service {name}")
    return found


def _replace_service(text: str, name: str) -> str:
    """Rename the service, add a profile to it, and insert a placeholder under its name.

    A profile alone is not enough: `docker compose up -d NAME` starts a service whatever its profile.
    """
    service = _service(text, name)
    has_profile = bool(elements(child(service, "profiles")))
    if not _is_replaced(name, service) or (has_profile and name not in OURS):
        return text
    if child(parse(text), "services", f"{REPLACED}{name}") is not None:
        raise CannotEditError(f"there are two services, {name} and {REPLACED}{name}")
    if not has_profile:
        text = add_first_key(text, service, f'profiles: ["{PROFILE}"]')
    placeholder = _PLACEHOLDER.format(name=name, profile=PROFILE, container=_container(name, service))
    return rename_key(text, _services(text), name, f"{REPLACED}{name}", before=placeholder)


def _services(text: str) -> Node | None:
    return child(parse(text), "services")


def _without(text: str, name: str, key: str, other: str) -> str:
    service = _service(text, name)
    if not isinstance(service, MappingNode) or other not in _names(child(service, key)):
        return text
    return remove_element(text, service, key, other)


def _flags(services: Node | None) -> Iterator[Change]:
    name = service_by_image(services, "prom/prometheus")
    flag, what = _EXEMPLARS
    if name:
        yield Change(
            COMPOSE,
            what,
            f"add `- {flag}` to `command` of the service {name}",
            partial(_add_flag, name=name, flag=flag),
        )


def service_by_image(services: Node | None, image: str) -> str:
    """Return the name of the service that runs an image, at any version; an empty one where there is none."""
    of_image = re.compile(rf"(.*/)?{image}(:[^/]*)?(@.*)?")
    return next((name for name, one in items(services) if of_image.fullmatch(scalar(child(one, "image")))), "")


def _add_flag(text: str, name: str, flag: str) -> str:
    command = child(_service(text, name), "command")
    given = scalar(command).split() or scalars(command)
    option, _, value = flag.partition("=")
    values = [one.removeprefix(f"{option}=").split(",") for one in given if one.startswith(f"{option}=")]
    if flag in given or any(value in one for one in values if value):
        return text
    if isinstance(command, SequenceNode):
        return append(text, command, f"- {flag}")
    if isinstance(command, ScalarNode) and command.style is None:
        return f"{text[: command.end_mark.index]} {flag}{text[command.end_mark.index :]}"
    # A new `command` would replace that of the image.
    raise CannotEditError(f"the service {name} has no list of flags as its `command`")


def _mounts(services: Node | None, texts: Mapping[str, str], routes: Routes | None, secrets: str) -> Iterator[Change]:
    for path, image in ((PROMETHEUS, "prom/prometheus"), (PROMTAIL, "grafana/promtail")):
        name = service_by_image(services, image)
        if name and _discovers(_parsed(texts, path)):
            yield _mount(name, f"{name} can read Docker's socket, which its configuration uses", SOCKET, SOCKET)
    name = service_by_image(services, "prom/prometheus")
    if name:
        yield _mount(name, f"{name} can read the rules about mail", f"./{RULES}", _RULES_INSIDE)
    name = service_by_image(services, "prom/alertmanager")
    if name and routes and f"{SECRETS}/" in str(routes.receivers):
        yield _mount(name, f"{name} can read the secrets that the routes name", secrets, SECRETS)


def _discovers(configuration: Node | None) -> bool:
    return any(child(one, "docker_sd_configs") for one in elements(child(configuration, "scrape_configs")))


def _mount(name: str, what: str, source: str, target: str) -> Change:
    line = f"- {source}:{target}:ro"
    return Change(
        COMPOSE,
        what,
        f"add `{line}` to `volumes` of the service {name}",
        partial(_add_mount, name=name, target=target, line=line),
    )


def _add_mount(text: str, name: str, target: str, line: str) -> str:
    volumes = child(_service(text, name), "volumes")
    # A mount of a folder above contains it.
    mounted = [one.split(":")[1] for one in scalars(volumes) if ":" in one]
    mounted += [scalar(child(one, "target")) for one in elements(volumes)]
    if any(target == one or target.startswith(f"{one}/") for one in mounted if one):
        return text
    if volumes is None:
        raise CannotEditError(f"the service {name} has no `volumes`")
    return append(text, volumes, line)


def _parsed(texts: Mapping[str, str], path: str) -> Node | None:
    return parse(texts[path]) if path in texts else None
