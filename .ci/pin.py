"""Writes requirements.txt: every package that the project needs, transitive ones too, at one version with the hashes of its files.

What a switch needs stands first, what only tests and tools need below a line that `make install` cuts at. What nodes of a Ray cluster
need in addition, to take jobs, has a file of its own: Ray starts more processes wherever it finds it; so has what `make site` needs, which
is nothing of a switch. `make update` runs this; uv
resolves for all systems and for Python 3.11 and later at once. With `--keep` versions that are pinned stay, and what pyproject.toml
names in addition is added.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "requirements.txt"
CLUSTER = ROOT / "requirements-cluster.txt"
SITE = ROOT / "requirements-site.txt"
PROJECT = "pyproject.toml"
BUILD = "setuptools>=77\n"
"""What builds the project itself; pip would fetch it without a hash."""
TESTS = "# Below: for tests and tools only."
_PACKAGE = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)
HEAD = f"# Written by `make update` ({Path(__file__).relative_to(ROOT)}), not by hand. pip takes nothing that is not here.\n"


def resolve(*arguments: str, source: str = PROJECT, more: str = BUILD) -> list[str]:
    """The pinned packages, each as its lines, of a source and of `more`, for these further arguments of `uv pip compile`."""
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--no-header",
        "--no-annotate",
        "--generate-hashes",
    ]
    command += ["--universal", "--python-version", "3.11", *filter(None, (source, "-")), *arguments]
    done = subprocess.run(command, cwd=ROOT, input=more, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"no set of versions fits: {done.stderr.strip()}")
    return [package for package in _PACKAGE.split(done.stdout) if package.strip()]


def main() -> None:
    """Resolve everything once, then cut out what a switch alone needs at these versions."""
    kept = ["--constraint", str(FILE)] if "--keep" in sys.argv[1:] else []
    tests = tuple(word for extra in ("dev", "docs", "otel", "peers") for word in ("--extra", extra))
    FILE.write_text("".join(resolve("--extra", "cluster", *tests, *kept)), encoding="utf-8")
    same = ("--constraint", str(FILE))
    needed, tested, clustered = resolve(*same), resolve(*tests, *same), resolve("--extra", "cluster", *same)
    extras = tomllib.loads((ROOT / PROJECT).read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    site = resolve(*same, source="", more="\n".join(extras["docs"]))
    rest = [package for package in tested if package not in needed]
    more = [package for package in clustered if package not in needed]
    FILE.write_text("".join([HEAD, *needed, TESTS, "\n", *rest]), encoding="utf-8")
    CLUSTER.write_text("".join([HEAD, *more]), encoding="utf-8")
    SITE.write_text("".join([HEAD, *site]), encoding="utf-8")
    print(
        f"{len(needed)} packages for a switch, {len(rest)} more for tests and tools, {len(more)} more for Ray clusters, "
        f"{len(site)} for the site"
    )


if __name__ == "__main__":
    main()
