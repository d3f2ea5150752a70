"""The alert rules and dashboards that are copied into a Dinky Server, with its own links."""

from pathlib import Path
from typing import Final

from alerts.annotations import Links, read_links
from dinky.server_folder import DASHBOARDS, RULES

_ROOT: Final = Path(__file__).parents[1]
SOURCES: Final = {
    RULES: (_ROOT / "alerts/rules", "*.yml"),
    DASHBOARDS: (_ROOT / "dashboards/json", "*.json"),
}
"""Each folder of the server, with the folder and pattern of the files that are copied into it."""


def files(links: Links | None = None) -> dict[str, bytes]:
    """Return the path, relative to the server's folder, and the content of every file that is copied.

    Args:
        links: the links of notifications and dashboards; without them, those of alerts/links.toml.
    """
    generated = read_links()
    new = links or generated
    return {
        f"{target}/{path.name}": path.read_bytes()
        .replace(generated.runbooks.encode(), new.runbooks.encode())
        .replace(f"{generated.grafana}/d/".encode(), f"{new.grafana}/d/".encode())
        for target, (folder, pattern) in SOURCES.items()
        for path in sorted(folder.glob(pattern))
    }


def source(path: str) -> str:
    """Return the path in this repository of a file that is copied."""
    folder, _, name = path.rpartition("/")
    return f"{SOURCES[folder][0].relative_to(_ROOT).as_posix()}/{name}"
