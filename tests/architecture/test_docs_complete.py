"""The documents are whole: generated pages are what the code says, every name has its section, every link leads somewhere, and what the
README tells a newcomer to type works."""

import itertools
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest

from actors.records.layout import RECORD, Kind
from rules.compile.compiler import compile_pack
from rules.decisions.pack import Decider
from rules.language.cases import run_cases
from rules.language.document import read_pack
from rules.language.reference import updated
from switch.api.app import OPEN_ROUTES, ROUTES
from switch.cli.call_table import CALLS
from switch.cli.main import cli
from switch.client import Client
from switch.node.settings import ConfigFile
from switch.problems.table import PROBLEMS
from switch.reference import client
from switch.reference.__main__ import PAGES, SERVED
from switch.reference.commands import commands
from switch.reference.configuration import CAPACITY, KEYS
from switch.reference.http_api import heading
from switch.reference.http_calls import CREATED, NOTES, QUERY
from switch.reference.journal_format import flags
from switch.reference.metrics import families
from tests import pages
from tests.front_door import running_switch

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README_LINES_MAX = 120
README_COLUMNS_MAX = 140
_FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)
_ADVICE = re.compile(r"pip install (?:-e )?['\"]?([\w./-]*)(?:\[(\w+)\])?")
_NAMED_PAGE = re.compile(r"\bdocs/[\w/-]+\.md\b")


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def sections(name: str) -> set[str]:
    return set(_HEADING.findall(page(name)))


# What is generated.


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    assert page(name) == PAGES[name](), "run: python -m switch.reference"


@pytest.mark.parametrize("name", client.MODULES)
def test_a_generated_module_of_the_client_is_what_the_routes_say(name: str) -> None:
    assert (client.FOLDER / name).read_text(encoding="utf-8") == client.MODULES[name](), (
        "run: python -m switch.reference"
    )


def test_every_route_is_a_method_of_the_client() -> None:
    assert client.NAMES.keys() | client.TABLES.keys() == {(route.method, route.path) for route in ROUTES}
    assert all(callable(getattr(Client, name)) for name in client.TABLES.values())


@pytest.mark.parametrize("path", SERVED, ids=lambda path: path.name)
def test_what_front_doors_serve_is_what_the_code_says(path: Path) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == SERVED[path](), "run: python -m switch.reference"


def test_the_page_of_rules_is_what_the_catalogue_says() -> None:
    assert updated(page("rules.md")) == page("rules.md"), (
        "run: python -m rules.language.reference docs/reference/rules.md"
    )


# Every name has its section.


def test_every_route_has_its_section() -> None:
    expected = {heading(route) for route in ROUTES} | {f"GET {each.path}" for each in OPEN_ROUTES}
    assert expected <= sections("http-api.md")


def test_every_problem_code_has_its_section() -> None:
    assert set(PROBLEMS) <= sections("problems.md")


def test_what_is_said_of_calls_beyond_the_table_is_said_of_calls_that_are_there() -> None:
    assert CREATED | set(NOTES) <= {(route.method, route.path) for route in ROUTES}
    assert {name for route in ROUTES for name in route.query} == set(QUERY)


def test_every_command_and_option_has_its_place() -> None:
    text = page("commands.md")
    names = [name for name, _ in commands()]
    assert {f"shardpay {name}" for name in cli.list_commands(click.Context(cli)) if name not in CALLS} <= {
        " ".join(name.split()[:2]) for name in names
    }
    assert all(f"`shardpay {name} " in text for name in CALLS)
    for name, command in commands():
        section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
        missing = [option.opts[0] for option in options if f"`{option.opts[0]}`" not in section]
        assert section and not missing, f"{name}: {missing}"
        assert command.epilog and "Example:" in section, f"{name} has no example"


def test_every_metric_has_its_section() -> None:
    written = {
        found
        for path in (ROOT / "switch").rglob("*metrics*.py")
        for found in re.findall(r'"(shardpay_\w+)"', path.read_text(encoding="utf-8"))
    }
    assert written
    assert written | {family.name for family in families()} <= sections("metrics.md")


def test_every_configuration_key_has_its_row() -> None:
    keys = {field.name for field in msgspec.structs.fields(ConfigFile)}
    assert keys == set(KEYS)
    text = page("configuration.md")
    assert not [key for key in (*KEYS, *CAPACITY) if f"| `{key}` |" not in text]


def test_every_field_kind_and_flag_of_the_journal_has_its_row() -> None:
    text = page("journal-format.md")
    names = [*(f"`{name}`" for name in RECORD.names or ()), *(kind.name for kind in Kind)]
    names += [name.removeprefix("FLAG_") for name in flags()]
    assert not [name for name in names if f"| {name} |" not in text]


# Links.


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    prose = _CODE.sub("", _FENCED.sub("", document.read_text(encoding="utf-8")))
    broken = [link for link in _LINK.findall(prose) if "://" not in link and not _resolves(document, link)]
    assert not broken


def _resolves(document: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (document.parent / name).resolve() if name else document
    if not target.is_relative_to(ROOT) or not target.exists():
        return False
    return not anchor or anchor in _anchors(target)


def _anchors(document: Path) -> set[str]:
    """As GitHub makes them of headings."""
    text = _FENCED.sub("", document.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", found.lower()).replace(" ", "-") for found in _HEADING.findall(text)}


def test_every_page_that_code_and_documents_name_exists() -> None:
    sources = [path for folder in ("switch", "actors", "rules", "models", "bench") for path in _texts(ROOT / folder)]
    documents = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]  # which tells of pages as they were called
    missing = {
        f"{path.relative_to(ROOT)}: {found}"
        for path in (*sources, *documents)
        for found in _NAMED_PAGE.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / found).exists()
    }
    assert not missing


def _texts(folder: Path) -> Iterator[Path]:
    for suffix in ("*.py", "*.sql", "*.yaml"):
        yield from folder.rglob(suffix)


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (document.parent / link.partition("#")[0]).resolve()
        for document in DOCUMENTS
        for link in _LINK.findall(document.read_text(encoding="utf-8"))
        if "://" not in link
    }
    assert not [str(path.relative_to(ROOT)) for path in DOCUMENTS if path not in linked and path != ROOT / "README.md"]


# Examples.


@pytest.mark.parametrize("name", [name for name in pages.PAGES if not name.startswith("decisions/")])
def test_every_block_of_a_page_says_what_it_is(name: str) -> None:
    """Then it is known what is typed: tests/acceptance/test_the_examples_of_every_page_run.py does."""
    known = (*pages.TYPED, *pages.PRINTED, *pages.READ)
    assert not [f"line {block.line}: {block.language!r}" for block in pages.blocks(name) if block.language not in known]


def test_what_is_not_typed_is_there_and_says_why() -> None:
    for name, reasons in pages.NOT_TYPED.items():
        first_lines = [block.first_line for block in pages.blocks(name) if block.language in pages.TYPED]
        assert [first_lines.count(line) for line in reasons] == [1] * len(reasons), name
    stated = [*pages.ELSEWHERE.values(), *(why for reasons in pages.NOT_TYPED.values() for why in reasons.values())]
    named = [path for text in stated for path in re.findall(r"\btests/[\w/.]+", text)]
    assert named and not [path for path in named if not (ROOT / path).exists()]


# Decisions and glossary.


def test_what_is_advised_to_be_installed_is_in_the_clone() -> None:
    """No package of ours is published: the advice names a folder of the clone, and an extra that it has."""
    sources = [
        path for layer in ("actors", "bench", "models", "rules", "switch") for path in (ROOT / layer).rglob("*.py")
    ]
    for file in (*DOCUMENTS, *(ROOT / "switch").rglob("*.md"), *sources):
        for place, extra in _ADVICE.findall(file.read_text(encoding="utf-8")):
            project = ROOT / place / "pyproject.toml"
            assert project.is_file(), f"{file.relative_to(ROOT)}: {place}"
            extras = tomllib.loads(project.read_text(encoding="utf-8"))["project"].get("optional-dependencies", {})
            assert not extra or extra in extras, f"{file.relative_to(ROOT)}: {place}[{extra}]"


def test_decisions_are_numbered_without_a_gap_and_whole() -> None:
    files = sorted(path for path in (ROOT / "docs" / "decisions").glob("*.md") if path.name != "README.md")
    assert [int(path.name[:4]) for path in files] == list(range(1, len(files) + 1))
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert re.match(rf"# {path.name[:4]} \S.*\n\n\d{{4}}-\d\d-\d\d\n", text), path.name
        assert _HEADING.findall(text)[1:] == ["Context", "Decision", "Consequence"], path.name


def test_the_glossary_calls_things_as_the_code_does() -> None:
    files = [
        path
        for top in ("actors", "models", "rules", "switch")
        for path in (ROOT / top).rglob("*.*")
        if path.suffix in (".py", ".sql")
    ]
    text = "\n".join(path.read_text() for path in files)
    names = re.findall(r"`([\w.]+)`", (ROOT / "docs" / "glossary.md").read_text())
    assert names and not {name for name in names if not re.search(rf"\b{re.escape(name.split('.')[-1])}\b", text)}


def test_the_glossary_has_each_term_once_in_order() -> None:
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| `", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    terms = [term.lower() for term in rows]
    assert len(terms) > 50
    assert terms == sorted(set(terms))


# The README.


README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_is_short() -> None:
    lines = README.splitlines()
    assert len(lines) <= README_LINES_MAX
    assert not [line for line in lines if len(line) > README_COLUMNS_MAX]


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/tutorial.md"])
def test_the_commands_of_a_guide_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+)(?: [\w-]+)*:", makefile, re.MULTILINE)) | {"test-latest"}
    wanted = set(re.findall(r"\bmake ([a-z][\w-]*)", _only_code(text)))
    assert wanted and wanted <= targets
    names = [name for name, _ in commands()]
    for found in re.findall(r"\bshardpay ((?:[a-z]+ ?)+)", _only_code(text)):
        assert any(f"shardpay {found}".startswith(name) for name in names), found


def _only_code(text: str) -> str:
    indented = "\n".join(line for line in text.splitlines() if line.startswith("    "))
    return indented + "\n".join(_CODE.findall(text))


async def test_the_payment_of_the_readme_gets_the_answer_of_the_readme(database_url: str) -> None:
    command, answer = _payment()
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:3] == ["curl", "-s", "http://127.0.0.1:8080/v1/transfers"]
    headers = dict(word.split(": ", 1) for flag, word in itertools.pairwise(words) if flag == "-H")
    body = msgspec.json.decode(words[words.index("-d") + 1])
    async with running_switch(database_url) as switch:
        bank, body["payer"] = await switch.wallet("external"), await switch.wallet()
        body["payee"] = await switch.wallet("merchant")
        assert (await switch.pay(bank, body["payer"], 100_000)).status == 201
        del headers["Authorization"]  # of another switch
        got = await switch.call("POST", "/v1/transfers", body, headers=headers)
    assert got.status == 201
    fields = got.json
    shown = msgspec.json.decode(answer)
    assert list(fields) == list(shown)
    same = [name for name in fields if name not in ("id", "payer", "payee", "created_at", "effective_at")]
    assert {name: fields[name] for name in same} == {name: shown[name] for name in same}


def _payment() -> tuple[str, str]:
    """The indented blocks of the section: the command, then the answer."""
    section = README.partition("## One payment")[2].partition("\n## ")[0]
    blocks = re.findall(r"(?:^    .*\n)+", section, re.MULTILINE)
    return blocks[0], blocks[1]


def test_the_pack_of_the_tutorial_checks_and_passes_its_tests() -> None:
    example = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    document = read_pack(example[1])
    assert [
        outcome.differences for outcome in run_cases(document.tests, Decider(compile_pack(document, {}, 2, 1)))
    ] == [()] * 2
    assert [note.message for note in document.notes] == ["without a country this has no value, so nothing fires"]
