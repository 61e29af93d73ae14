"""Hostile packs (huge, deeply nested, exponential, YAML bombs, code in names or strings) are refused with a clear error.

Each is read by a process of its own, which says how long that took and how much memory it used beyond what it had before.
"""

import json
import multiprocessing
import re
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from rules.compile.compiler import compile_pack
from rules.language.document import read_pack
from rules.language.files import pack_text, reader_beside
from rules.language.problems import PackError
from rules.language.syntax import parse

SECONDS_MAX = 2.0
BYTES_MAX = 200 * 10**6

HEAD = "name: hostile\nfallback: approve\n"
CODE = "__import__('os').system('touch taken-over')"


def rule(when: str, name: str = "r", more: str = "") -> str:
    return f"  - {{id: {name}, when: {json.dumps(when)}, action: decline, reason: R{more}}}\n"


def rules(*lines: str) -> str:
    return HEAD + "rules:\n" + "".join(lines)


def laughs() -> str:
    lines = ["lists:", "  l0: &l0 [MM, KH, DE, FR, US, GB, IT, ES, PT, NL]"]
    lines += [f"  l{i}: &l{i} [" + ", ".join([f"*l{i - 1}"] * 10) + "]" for i in range(1, 10)]
    return HEAD + "\n".join(lines) + "\n"


def nested_choice(depth: int) -> str:
    text = "hold"
    for _ in range(depth):
        text = f"({text} ? {text} : {text})"[:200_000]
    return text


HOSTILE = {
    "nothing": ("", "the document is empty"),
    "no pack": ("[1, 2]", "fields are expected"),
    "huge document": (HEAD + "# " + "x" * 50_000_000, "longer than"),
    "huge condition": (rules(rule("amount > 1 || " * 20_000 + "hold")), "longer than"),
    "huge number": (rules(rule("amount > " + "9" * 4_000)), "beyond 64 bits"),
    "huge yaml number": (HEAD + "thresholds: {decline_below: " + "9" * 100_000 + "}", "a whole number"),
    "huge name": (HEAD.replace("hostile", "h" * 400_000), "is no name"),
    "huge text": (rules(rule('device == "' + "d" * 400_000 + '"')), "longer than"),
    "huge word": (rules(rule('country == "' + "M" * 4_000 + '"')), "is no country"),
    "too many rules": (rules(*(rule("hold", f"r{i}") for i in range(1_500))), "more than 256 rules"),
    "too many conditions": (
        rules(*(rule(" || ".join(f"amount == {k * 1000 + i}" for i in range(200)), f"r{k}") for k in range(100))),
        "more than one pack may hold",
    ),
    "too many keys": (HEAD + "lists:\n" + "".join(f"  l{i}: [MM]\n" for i in range(10_000)), "more than 64 lists"),
    "too many values": (HEAD + "lists: {a: [" + "MM," * 100_000 + "]}", "more than 40,000 values"),
    "too many problems": (rules(*(rule("nonsense", f"r{i}") for i in range(256))), "no field is named nonsense"),
    "too many tests": (HEAD + "tests: [" + "{}," * 9_000 + "]", "tests"),
    "too many reasons": (
        rules(*(f"  - {{id: r{i}, when: hold, action: decline, reason: R{i}}}\n" for i in range(40))),
        "a decision keeps 32",
    ),
    "deep lists": ("[" * 400_000, r"levels deep|no YAML"),
    "deep mappings": ("{a: " * 100_000, "levels deep"),
    "deep blocks": ("".join(" " * i + "a:\n" for i in range(900)), "levels deep"),
    "deep dashes": ("- " * 200_000, "levels deep"),
    "deep parentheses": (rules(rule("(" * 2_000 + "hold" + ")" * 2_000 + "x")), "is not expected here"),
    "deep negation": (rules(rule("!" * 4_000 + "hold")), "levels deep"),
    "deep signs": (rules(rule("-" * 4_000 + "amount > 0")), "levels deep"),
    "deep sums": (rules(rule("amount" + " + 1" * 1_000 + " > 0")), "levels deep"),
    "deep choices": (rules(rule("hold ? hold : " * 280 + "hold")), "levels deep"),
    "deep selection": (rules(rule("lists" + ".a" * 1_900)), "levels deep"),
    "exponential choice": (rules(rule(nested_choice(12))), "longer than"),
    "exponential power": (
        rules(rule("9223372036854775807" + " * 9223372036854775807" * 50 + " > 0")),
        "beyond 64 bits",
    ),
    "billion laughs": (laughs(), "anchors and aliases are not taken"),
    "an alias of itself": ("&a [*a]", "anchors and aliases are not taken"),
    "merged keys": (HEAD + "<<: {a: 1}\n", "no field <<"),
    "a tag that runs code": ("!!python/object/apply:os.system ['touch taken-over']", "tags are not taken"),
    "a tag on a value": (HEAD.replace("approve", "!!python/name:os.system approve"), "tags are not taken"),
    "two documents": (HEAD + "---\n" + HEAD, "more than one document"),
    "a key twice": (HEAD + "fallback: decline\n", "stands here twice"),
    "a list as key": (HEAD + "? [a, b]\n: 1\n", "a key is one word"),
    "control characters": (HEAD + "description: \x00\x1b[2J", "a character that YAML does not allow"),
    "no end of quotes": (HEAD + 'description: "' + "x" * 400_000, "no YAML"),
    "code as name": (HEAD.replace("hostile", json.dumps(CODE)), "is no name"),
    "code as id": (rules(rule("hold", json.dumps(CODE))), "is no name"),
    "code as list name": (HEAD + f"lists: {{{json.dumps(CODE)}: [MM]}}", "is no name"),
    "code as reason": (rules(rule("hold", more="; import os")), "is no name"),
    "code as condition": (rules(rule(CODE)), "no method is named system"),
    "code as text": (rules(rule(f'country == "{CODE}"')), "is no country"),
    "code that ends a text": (rules(rule('country == "MM"\\n    import os')), "is not expected here"),
    "an attribute": (rules(rule("amount.__class__.__mro__ == 1")), "nothing here has fields of its own"),
    "a hidden list": (rules(rule("country in lists.__class__")), "no list is named __class__"),
    "a lambda": (rules(rule("(lambda: 1)() == 1")), "is not expected here"),
    "a file elsewhere": (HEAD + "lists: {a: {file: ../../../../etc/passwd}}", "a list's file lies beside the pack"),
    "an absolute file": (HEAD + "lists: {a: {file: /etc/passwd}}", "a list's file lies beside the pack"),
    "a file that is not there": (HEAD + "lists: {a: {file: nothing.txt}}", "cannot be read"),
    "a card with too much": (
        HEAD + "card: {name: c, version: 1, characteristics: [" + "{}," * 9_000 + "]}",
        "no scorecard",
    ),
}

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["rules.compile.compiler", "rules.language.files", __name__])
"""What all need is imported once, by the process that the others are copies of."""


def read(path: Path, answer: Connection) -> None:
    """Read a pack in a process of its own."""
    parse("1 == 1")
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak()
    problems = []
    started = time.process_time()
    try:
        compile_pack(read_pack(pack_text(path), reader_beside(path)), {}, 1, 1)
    except PackError as error:
        problems = [(problem.line, problem.column, problem.render("pack")) for problem in error.problems]
    answer.send((time.process_time() - started, _peak() - before, problems))


def _peak() -> int:
    """The most memory that this process has had since it was last asked to forget, in bytes."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pack_is_refused_quickly_and_clearly(name: str, tmp_path: Path) -> None:
    text, stated = HOSTILE[name]
    path = tmp_path / "pack.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    ours, theirs = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=read, args=(path, theirs))
    process.start()
    theirs.close()
    assert ours.poll(60), "no answer"
    seconds, used, problems = ours.recv()
    process.join()
    assert seconds < SECONDS_MAX
    assert used < BYTES_MAX
    assert 1 <= len(problems) <= 50
    assert any(re.search(stated, rendered) for _, _, rendered in problems), problems[:3]
    assert all(line >= 1 and column >= 1 and len(shown) < 1_000 for line, column, shown in problems)
    assert not list(tmp_path.glob("taken-over")) and not Path("taken-over").exists()
