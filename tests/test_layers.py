"""bench -> switch -> actors -> rules -> models: a folder may import what stands to its right, and pure modules import no shell."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("bench", "switch", "actors", "rules", "models")
SHELLS = ("ray", "aiohttp", "asyncpg")
PURE = (
    "actors.ledger.ledger",
    "actors.records.blocks",
    "actors.shard.core",
    "actors.shard.messages",
    "actors.journal.interface",
    "actors.rpc.interface",
    "rules.decisions.pack",
    "rules.builtin",
    "rules.compile.compiler",
    "rules.language.document",
    "rules.language.recarding",
    "models.training.cutting",
    "models.evaluation",
    "models.prohibited",
    "models.scorecard",
    "models.statistics",
    "models.table_scores",
    "models.training.train",
    "models.training.page",
    "rules.vocabulary.currencies",
)


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_layers_below_it(layer: str) -> None:
    above = set(LAYERS[: LAYERS.index(layer)]) | {"tests"}
    files = sorted((ROOT / layer).rglob("*.py"))
    assert files
    wrong = {str(path.relative_to(ROOT)): sorted(_imports(path) & above) for path in files if _imports(path) & above}
    assert not wrong


@pytest.mark.parametrize("module", PURE)
def test_importing_a_pure_module_imports_no_shell(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {SHELLS!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_the_ledger_core_reads_no_clock_and_no_randomness() -> None:
    banned = {"time", "random", "secrets", "datetime", "os", "asyncio", "socket"}
    files = [
        *(ROOT / "actors" / "ledger").glob("*.py"),
        *(ROOT / "models").glob("*.py"),
        *(ROOT / "rules").glob("*.py"),
    ]
    pure = ("core", "channels", "clock", "journal_writer", "profiles", "originals", "fills", "replies", "messages")
    files += [ROOT / "actors" / "shard" / f"{name}.py" for name in pure]
    wrong = {str(path.relative_to(ROOT)): sorted(_imports(path) & banned) for path in files if _imports(path) & banned}
    assert not wrong


def test_a_process_that_writes_a_checkpoint_waits_for_no_compiler() -> None:
    code = "import sys, actors.checkpoint.writer; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
