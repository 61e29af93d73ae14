"""What is mutated, and which tests must notice it: those of the module first, then seeds of the simulation, then its neighbours."""

from typing import Final, NamedTuple

LEDGER_TESTS: Final = "tests/unit/actors/ledger"
SHARD_TESTS: Final = "tests/unit/actors/shard"


class Target(NamedTuple):
    """`first`: tests that most likely notice, `then`: all others. `money`: whether money, an answer or what either rests on can be
    wrong; a survivor elsewhere is only told. `compiled`: kernels as machine code, which is there already, since they are not changed."""

    path: str
    first: tuple[str, ...]
    then: tuple[str, ...]
    seeds: int
    money: bool = True
    compiled: bool = True


LEDGER_SEEDS: Final = 12
"""Kernels as plain Python: some 1.2 s a seed."""
_OF_ALL: Final = (f"{LEDGER_TESTS}/test_ledger_stateful.py",)
"""Of the ledger's other tests, the one that goes everywhere: all of them take half a minute, which half of the changes would wait for."""
SHARD_SEEDS: Final = 30
"""Some 0.5 s a seed."""


def _ledger(name: str, *first: str, money: bool = True) -> Target:
    files = tuple(f"{LEDGER_TESTS}/test_{test}.py" for test in first)
    path = f"actors/ledger/{name}.py"
    return Target(path, files, _OF_ALL, LEDGER_SEEDS, money, compiled=False)


def _shard(name: str, *first: str, money: bool = True) -> Target:
    files = tuple(f"{SHARD_TESTS}/test_{test}.py" for test in first)
    return Target(f"actors/shard/{name}.py", files, (SHARD_TESTS,), SHARD_SEEDS, money)


_LANES: Final = ("tests/unit/switch/gateway/test_write_queue.py", "tests/unit/switch/fairness/test_shares.py")

TARGETS: Final = (
    _ledger("admission", "outcomes", "settling", "groups", "holds", "reviews", "ledger"),
    _ledger("blocks", "blocks"),
    _ledger("book", "ledger", "outcomes", "settling", "table"),
    _ledger("carrying", "outcomes", "groups", "reviews", "settling", "ledger"),
    _ledger("chains", "blocks"),
    _ledger("features", "windows", "ledger", money=False),
    _ledger("hashing", "hashing"),
    _ledger("holds", "holds", "settling", "reviews"),
    _ledger("ids", "ids"),
    _ledger("ledger", "ledger", "settling", "windows", "outcomes"),
    _ledger("posting", "outcomes", "ledger", "settling", "groups"),
    _ledger("rebuilding", "ledger"),
    _ledger("replay", "ledger", "settling", "reviews", "outcomes"),
    _ledger("settling", "settling", "reviews", "outcomes"),
    _ledger("snapshot", "ledger"),
    _ledger("table", "table", "ledger"),
    _ledger("windows", "windows", money=False),
    _shard("batch", "intake", "replies"),
    _shard("channels", "channels"),
    _shard("clock", "clock"),
    _shard("core", "small_conditions"),
    _shard("fallbacks", "fallbacks", money=False),
    _shard("fills", "fills", money=False),
    _shard("heads", "heads"),
    _shard("intake", "intake"),
    _shard("journal_writer", "journal_writer"),
    _shard("originals", "small_conditions"),
    _shard("pace", "pace", money=False),
    _shard("profiles", "small_conditions"),
    _shard("repeats", "repeats"),
    _shard("replies", "replies"),
    Target("switch/gateway/write_queue.py", _LANES, (), 0),
    Target("switch/gateway/attempts.py", _LANES, (), SHARD_SEEDS),
    Target("switch/fairness/fair_queue.py", _LANES, (), 0, money=False),
)
