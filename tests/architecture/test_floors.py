"""A room may import rooms on lower floors only: bench -> switch -> actors -> rules -> models, and inside each of them by FLOORS.

Each room says in its docstring what it is for and what it may touch; what it may touch of the outside is SHELLS here.
"""

import ast
import functools
import graphlib
import importlib
import multiprocessing
import re
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
LAYERS: Final = ("bench", "switch", "actors", "rules", "models")
FLOORS: Final = {
    "models": {
        "arrays": 1,
        "jitable": 1,
        "kernel_folder": 1,
        "wording": 1,
        "arrow_numbers": 2,
        "capacity": 2,
        "hashing": 2,
        "jit": 2,
        "memory": 2,
        "prefetch": 2,
        "prohibited": 2,
        "statistics": 2,
        "table": 2,
        "tidying": 2,
        "words": 2,
        "arrow_buffers": 3,
        "bit_packing": 3,
        "bit_unpacking": 3,
        "counting": 3,
        "held": 3,
        "card_rows": 3,
        "scorecard": 3,
        "placing": 3,
        "evaluation": 4,
        "reason_lists": 4,
        "plain_score": 4,
        "table_scores": 5,
        "training": 5,
        "credit": 6,
    },
    "rules": {
        "vocabulary": 1,
        "decisions": 2,
        "backtest": 3,
        "language": 3,
        "compile": 4,
        "builtin": 5,
        "scenarios": 5,
    },
    "actors": {
        "process": 1,
        "records": 1,
        "database": 2,
        "ledger": 2,
        "rpc": 2,
        "storage": 2,
        "backup": 3,
        "checkpoint": 3,
        "journal": 3,
        "audit": 4,
        "export": 4,
        "stores": 4,
        "credit_features": 5,
        "scoring": 5,
        "rescore": 6,
        "backtest": 6,
        "shard": 6,
    },
    "switch": {
        "client": 1,
        "problems": 1,
        "fairness": 2,
        "tracing": 2,
        "http": 3,
        "gateway": 4,
        "importer": 4,
        "views": 5,
        "console": 6,
        "webhooks": 6,
        "api": 7,
        "node": 8,
        "cli": 9,
        "__main__": 10,
        "reference": 10,
    },
    "bench": {"report": 1, "workload": 1, "contenders": 2, "micro": 2, "measures": 3, "__main__": 4},
}
"""By top folder: each package, or module that lies beside them, and its floor. Rooms of one floor do not know each other."""
SHELLS: Final = {
    "ray": {"actors.process", "actors.rpc", "bench.contenders", "switch.node"},
    "asyncpg": {"actors.database", "actors.journal", "actors.stores", "bench.contenders"},
    "aiohttp": {
        "bench.contenders",
        "switch.api",
        "switch.cli",
        "switch.client",
        "switch.console",
        "switch.http",
        "switch.importer",
        "switch.node",
        "switch.problems",
        "switch.views",
        "switch.webhooks",
    },
    "obstore": {"actors.storage"},
    "opentelemetry": {"switch.tracing"},
}
"""Who may touch Ray, PostgreSQL, HTTP, object stores and OpenTelemetry."""
PURE: Final = (
    "actors.journal.interface",
    "actors.ledger.ledger",
    "actors.records.blocks",
    "actors.rpc.interface",
    "actors.shard.core",
    "actors.shard.messages",
    "models.credit.what_if",
    "models.evaluation",
    "models.plain_score",
    "models.prohibited",
    "models.scorecard",
    "models.statistics",
    "models.table_scores",
    "models.training.cutting",
    "models.training.page",
    "models.training.train",
    "rules.builtin",
    "rules.compile.compiler",
    "rules.decisions.pack",
    "rules.language.document",
    "rules.language.recarding",
    "rules.scenarios.document",
    "rules.vocabulary.currencies",
)
SHELLS_OF_A_SHARD: Final = (
    "actor",
    "calls",
    "checkpointing",
    "compile_kernels",
    "host",
    "in_process",
    "outages",
    "remote",
    "timing",
)
"""Its files that have a clock, a disk or a process. All others are its core."""
CLOCKLESS: Final = (
    "actors/ledger/*.py",
    "actors/records/*.py",
    "models/**/*.py",
    "rules/**/*.py",
    *(
        f"actors/shard/{path.name}"
        for path in sorted((ROOT / "actors" / "shard").glob("*.py"))
        if path.stem not in SHELLS_OF_A_SHARD
    ),
)
"""Files that read no clock and no randomness: time and ids are arguments."""


@functools.cache
def _imported(path: Path) -> set[str]:
    """Dotted names of all that a file imports, in functions too; of `from a import b` both a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def _tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in _imported(path)}


def _files(top: str) -> list[Path]:
    return sorted((ROOT / top).rglob("*.py"))


def _room(top: str, path: Path) -> str:
    """The part of a top folder that a file lies in: a package, or a module beside them."""
    first = path.relative_to(ROOT / top).parts[0]
    return first.removesuffix(".py")


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_layers_below_it(layer: str) -> None:
    above = set(LAYERS[: LAYERS.index(layer)]) | {"tests"}
    files = _files(layer)
    assert files
    assert not {str(path): _tops(path) & above for path in files if _tops(path) & above}


@pytest.mark.parametrize("top", LAYERS)
def test_every_room_has_a_floor_and_each_floor_a_room(top: str) -> None:
    assert {_room(top, path) for path in _files(top)} - {"__init__"} == set(FLOORS[top])


@pytest.mark.parametrize("top", LAYERS)
def test_a_room_imports_only_rooms_on_lower_floors(top: str) -> None:
    floors = FLOORS[top]
    wrong = []
    for path in _files(top):
        room = _room(top, path)
        for name in _imported(path):
            parts = name.split(".")
            if parts[0] == top and len(parts) > 1 and parts[1] in floors and parts[1] != room:
                if floors[parts[1]] >= floors[room]:
                    wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_no_files_import_each_other_in_a_circle() -> None:
    """Whatever the import is for: also in a function, and for types alone."""
    files = {_module(path): path for top in LAYERS for path in _files(top)}
    imports = {module: sorted((_imported(path) & files.keys()) - {module}) for module, path in files.items()}
    graphlib.TopologicalSorter(imports).prepare()  # a CycleError names the files of a circle


def _from(path: Path, names: dict[str, Path]) -> dict[str, str]:
    """What a file imports of our modules, in functions too: each name by which it knows that, and `module.name`."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module in names
        for alias in node.names
    }


def test_a_name_is_imported_from_the_module_that_makes_it() -> None:
    """Else two modules give it, who asks for it loads both, and a compiler's cache knows it under either."""
    files = {_module(path): path for top in (*LAYERS, "tests") for path in _files(top)}
    imports = {module: _from(path, files) for module, path in files.items()}
    wrong = []
    for module, names in imports.items():
        for name in names.values():
            giver, _, what = name.rpartition(".")
            if name not in files and what in imports[giver]:
                wrong.append(f"{module} imports {what} from {giver}, which has it of {imports[giver][what]}")
    assert not wrong


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("top", LAYERS)
def test_every_package_says_what_it_is_for(top: str) -> None:
    for path in (ROOT / top).rglob("__init__.py"):
        words = ast.get_docstring(ast.parse(path.read_text())) or ""
        assert len(words) > 40, path


@pytest.mark.parametrize("shell", SHELLS)
def test_only_named_rooms_touch_a_shell(shell: str) -> None:
    touching = {f"{top}.{_room(top, path)}" for top in LAYERS for path in _files(top) if shell in _tops(path)}
    assert touching == SHELLS[shell]


PROCESSES: Final = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["msgspec", "numba", "numpy", "pyarrow"])
"""What many import and nobody forbids is imported once, by the process that the others are copies of."""


def _shells_of(module: str, answer: Connection) -> None:
    """In a process of its own: which shells come with a module, and which were there before."""
    before = [name for name in SHELLS if name in sys.modules]
    importlib.import_module(module)
    answer.send((before, [name for name in SHELLS if name in sys.modules]))


@pytest.mark.parametrize("module", PURE)
def test_importing_a_pure_module_imports_no_shell(module: str) -> None:
    ours, theirs = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=_shells_of, args=(module, theirs))
    process.start()
    theirs.close()
    assert ours.poll(60)
    assert ours.recv() == ([], [])
    process.join()


@pytest.mark.parametrize("pattern", CLOCKLESS)
def test_the_pure_core_reads_no_clock_and_no_randomness(pattern: str) -> None:
    banned = {"time", "random", "secrets", "os", "asyncio", "socket"}
    files = list(ROOT.glob(pattern))
    assert files
    assert not {str(path): _tops(path) & banned for path in files if _tops(path) & banned}
    assert not {str(path): _asked_of_the_calendar(path) for path in files if _asked_of_the_calendar(path)}


def _asked_of_the_calendar(path: Path) -> set[str]:
    """What a file takes of `datetime` and `date` that reads a clock."""
    parts = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]
    return {
        part.attr
        for part in parts
        if part.attr in ("now", "today", "utcnow") and ast.unparse(part.value).split(".")[-1] in ("date", "datetime")
    }


def test_a_process_that_writes_a_checkpoint_waits_for_no_compiler() -> None:
    code = "import sys, actors.checkpoint.writer; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


PAGE: Final = re.compile(r"^ {1,2}\d+ (\w+)/ .*?(?: · (.*?))?(?: {2,}\d.*)?$")
OUTSIDE: Final = {
    "Ray": "ray",
    "PostgreSQL": "asyncpg",
    "HTTP": "aiohttp",
    "S3": "obstore",
    "OpenTelemetry": "opentelemetry",
}


def test_the_page_says_who_may_touch_ray_postgresql_http_and_object_stores() -> None:
    top, stated = "", {module: set[str]() for module in SHELLS}
    for line in (ROOT / "ARCHITECTURE.md").read_text().splitlines():
        top = line.partition("/")[0] if line.partition("/")[0] in LAYERS else top
        room = PAGE.match(line)
        if room is None:
            continue
        for word in (room[2] or "").split(", "):
            if word in OUTSIDE:
                stated[OUTSIDE[word]].add(f"{top}.{room[1]}")
    assert stated == SHELLS
