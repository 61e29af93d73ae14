"""`python -m switch.reference` writes pages of docs/reference, /openapi.json, modules of the client."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from switch.http import problem_pages
from switch.reference import client, commands, configuration, features, http_api, journal_format, metrics, openapi

SERVED: Final[dict[Path, Callable[[], str]]] = {Path("switch/api/static/openapi.json"): openapi.document}
"""What front doors serve."""
PAGES: Final[dict[str, Callable[[], str]]] = {
    "commands.md": commands.document,
    "configuration.md": configuration.document,
    "features.md": features.document,
    "http-api.md": http_api.document,
    "journal-format.md": journal_format.document,
    "metrics.md": metrics.document,
    "problems.md": problem_pages.document,
}
"""Pages by file name, and what makes their text."""


def main() -> None:
    """Write every page and what front doors serve, then every module of the client: the last ones are made from those before."""
    folder = Path("docs/reference")
    for name, text in PAGES.items():
        (folder / name).write_text(text(), encoding="utf-8")
    for path, text in SERVED.items():
        path.write_text(text(), encoding="utf-8")
    for name, text in client.MODULES.items():
        (client.FOLDER / name).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
