"""Pages of docs/ as a reader takes them: what to type, what it prints, what to write into a file.

A block of shell or Python is typed. The block of text or JSON right below it is what it prints, with `...` for what is left out. A block
below the words "Write `NAME`:" is that file. Every other block is there to be read.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT: Final = Path(__file__).parents[1]
DOCS: Final = ROOT / "docs"
PAGES: Final = tuple(sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")))
TYPED: Final = ("sh", "python")
PRINTED: Final = ("text", "json")
READ: Final = ("sql", "toml", "yaml")
ELSEWHERE: Final = {"reference/commands.md": "tests/acceptance/test_the_example_of_every_command_runs.py"}
"""Pages that another test types."""
NOT_TYPED: Final[dict[str, dict[str, str]]] = {
    "client.md": {
        "pip install ./switch/client               # or './switch/client[arrow]' for tables": (
            "tests/integration/test_client_alone.py installs it"
        ),
    },
    "console.md": {
        'curl -sN $SHARDPAY_URL/console/live -H "Authorization: Bearer $SHARDPAY_API_KEY"': (
            "never ends; tests/integration/switch/console/test_live.py reads it"
        ),
    },
    "credit.md": {
        "from pathlib import Path": "wants a year of everybody; tests/unit/models/credit/test_wallet_training.py runs it",
        "shardpay import people.parquet": (
            "minutes: tests/acceptance/test_the_example_of_every_command_runs.py types `demo`, which has them"
        ),
    },
    "internals/simulation.md": {
        "make sim SEEDS=1000                            # many seeds, on two processes": "minutes; tests/sim runs seeds",
    },
    "operations/deploy.md": {
        "shardpay doctor --data /var/lib/shardpay --config /etc/shardpay/shardpay.toml": (
            "a server's own folders; the example of the command is typed"
        ),
        "sudo -u shardpay NUMBA_CACHE_DIR=/var/cache/shardpay/kernels /opt/shardpay/.venv/bin/shardpay doctor --data /var/lib/shardpay": (
            "a server's own user and folders"
        ),
    },
    "operations/rescore.md": {
        "export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... AWS_REGION=eu-central-1": (
            "a bucket; tests/acceptance/test_rescoring_reads_and_writes_object_stores.py has one"
        ),
        "shardpay rescore --input /shared/features --card wallet --output /shared/scores --ray 10.0.0.1:6379": (
            "a cluster; tests/acceptance/test_rescoring_on_a_ray_cluster_goes_on_when_a_node_is_killed.py has one"
        ),
        "ray job submit --address http://10.0.0.1:8265 -- \\": (
            "a cluster; tests/acceptance/test_rescoring_runs_as_a_ray_job.py has one"
        ),
        "docker build --file deploy/Dockerfile --build-arg MAKE=cluster --tag shardpay-cluster:0.1.0 .": (
            "Docker and Kubernetes; tests/architecture/test_deploy.py compares the files"
        ),
    },
    "operations/tracing.md": {
        ".venv/bin/pip install -e '.[otel]'": "changes the environment that tests run in",
        "grep trace_id=4bf92f3577b34da6a3ce929d0e0e4736 data/log/front-door-*.log": (
            "wants a collector; tests/acceptance/test_a_switch_with_tracing_tells_a_collector_and_its_log_of_a_payment.py has one"
        ),
    },
    "reference/controls.md": {
        'curl $SHARDPAY_URL/v1/proposals -H "Authorization: Bearer $SHARDPAY_API_KEY" -H "Content-Type: application/json" -d \'': (
            "four eyes would keep the other pages waiting; tests/integration/switch/api/test_proposals.py has them on"
        ),
        "shardpay export --output ./lake": "wants some hundred labelled payments; the example of each command is typed",
    },
    "reference/default-pack.md": {
        "SHARDPAY_DATA_SETS=FOLDER shardpay bench risk     # 2 minutes; needs FOLDER/paysim_30d.parquet and the extra `train`": (
            "a data set that is not in the repository"
        ),
    },
    "reference/scorecards.md": {
        ".venv/bin/pip install -e '.[train]'    # in the clone": "changes the environment that tests run in"
    },
    "tutorial.md": {"make run": "starts a switch, which the test has"},
}
"""By page the first line of each block that is not typed, and why. Whatever is not here is."""
_FILE: Final = re.compile(r"Write `([\w./-]+)`[^\n]*:$")
_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DIFFERS: Final = re.compile(
    rf"(?P<id>{_UUID})|(?P<time>\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)|(?P<secret>(?:sp_|whsec_)[\w/+=]*)|(?P<rest>\.\.\.)"
)


class Block(NamedTuple):
    """`file`: that the reader writes it to, or none; `printed`: what the page says that it prints, if it says so."""

    language: str
    text: str
    line: int
    file: str = ""
    printed: str | None = None

    @property
    def first_line(self) -> str:
        return self.text.partition("\n")[0]


def blocks(page: str) -> list[Block]:
    """Of a page, by its path below docs/, in their order; indented ones have no language."""
    found: list[Block] = []
    before: Token | None = None
    tokens = MarkdownIt().parse((DOCS / page).read_text(encoding="utf-8"))
    for token in _without_closings(tokens):
        if token.type in ("fence", "code_block"):
            language = token.info.split(" ")[0]
            follows = before is not None and before.type == "fence" and found[-1].language in TYPED
            if follows and language in PRINTED and not found[-1].file:
                found[-1] = found[-1]._replace(printed=token.content)
            else:
                file = _FILE.search(before.content) if before is not None and before.type == "inline" else None
                line = (token.map or [0])[0] + 1
                found.append(Block(language, token.content, line, file[1] if file else ""))
        before = token
    return found


def typed(page: str) -> list[Block]:
    """What a reader of a page does, files that are written among it; empty where there is nothing to type."""
    skipped = NOT_TYPED.get(page, {})
    found = [each for each in blocks(page) if each.file or (each.language in TYPED and each.first_line not in skipped)]
    return found if page not in ELSEWHERE and any(not each.file for each in found) else []


def _without_closings(tokens: list[Token]) -> Iterator[Token]:
    return (token for token in tokens if not token.type.endswith("_close"))


class Expected:
    """What a page says is printed, compared with what is: ids, times and secrets are others each time. An id that a page shows twice is
    the same one both times."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def fits(self, stated: str, printed: str) -> bool:
        """White space apart."""
        shown = "".join(stated.split())
        names: dict[str, str] = {}
        parts, end = [], 0
        for found in _DIFFERS.finditer(shown):
            parts += [re.escape(shown[end : found.start()]), self._pattern(found, names)]
            end = found.end()
        match = re.fullmatch("".join([*parts, re.escape(shown[end:])]), "".join(printed.split()), re.DOTALL)
        if match is not None:
            self._ids.update({id: match[name] for id, name in names.items()})
        return match is not None

    def _pattern(self, found: "re.Match[str]", names: dict[str, str]) -> str:
        if found["time"]:
            return r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"
        if found["secret"]:
            return r"(?:sp_|whsec_)[\w/+=-]+"
        if found["rest"]:
            return ".*?"
        if found["id"] in self._ids:
            return self._ids[found["id"]]
        if found["id"] in names:
            return f"(?P={names[found['id']]})"
        names[found["id"]] = f"id{len(names)}"
        return f"(?P<{names[found['id']]}>{_UUID})"
