"""What `--help` shows of each command as its example works, typed as it stands in a folder with the files that it names.

One switch runs for all of them: the example of `serve`. `bench` and `demo` take minutes, so their examples run in a short form and only
with the slow tests; tests/integration/test_bench_quick.py runs others of its benchmarks.
"""

import contextlib
import itertools
import json
import re
import shlex
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from switch.cli.main import cli
from switch.cli.sample_people import PEOPLE
from switch.reference.commands import commands
from tests.acceptance.reader_files import write_files
from tests.acceptance.running import KEY, RunningSwitch, free_port, running_switch

EXAMPLES: Final = {name.removeprefix("shardpay "): command.epilog or "" for name, command in commands()}
AFTER: Final = {
    "audit": ("import",),
    "backup": ("import",),
    "cards check": ("train",),
    "cards publish": ("train",),
    "cards score": ("train",),
    "export": ("import",),
    "features": ("import",),
    "keys list": ("keys create",),
    "keys revoke": ("keys list", "keys rotate"),
    "keys rotate": ("keys list",),
    "labels put-file": ("export",),
    "labels table": ("labels put-file",),
    "rescore": ("features",),
    "rescore status": ("rescore",),
    "restore": ("backup",),
    "rules backtest": ("export",),
}
"""Whose example writes what the example of a command reads."""
ELSEWHERE: Final = ("restore",)
"""Wants an empty database, so it runs in a folder beside, with what it reads."""
SLOW: Final = {
    "bench": ("--quick", "--output", "results"),
    "demo": ("--people", "300", "--stop", "--port", str(free_port())),
}
"""Too long for the suite, with what makes it a matter of a minute."""
TYPED_ELSEWHERE: Final = frozenset({"rescore publish", "rescore undo"})
"""They want wallets with scores and a switch that has their card: the test that wallets have the same bits everywhere types the first,
tests/integration/switch/cli/rescore the second."""
SERVE: Final = "serve"
PLACEHOLDERS: Final = {
    SERVE: {"--port": "", "8080": ""},  # the switch of the test takes a port that is free
    "import": {"SHARDPAY_API_KEY=...": "", "http://127.0.0.1:8080": "{url}"},
    "keys revoke": {"0b5c0a52-...": "{shop_key}"},
    "keys rotate": {"0b5c0a52-...": "{shop_key}"},
}
"""Words of an example that stand for what only a reader has."""
PRINTED_WITHIN_S: Final = 60.0
"""After the switch is ready: scores load kernels."""


def _words(name: str) -> list[str]:
    """The words after `shardpay` of a command's example, without what only a reader has."""
    line = re.search(r"Example: (.*)", EXAMPLES[name])
    assert line is not None, f"{name} has no example"
    words = [PLACEHOLDERS.get(name, {}).get(word, word) for word in shlex.split(line[1])]
    program, *rest = [word for word in words if word]
    assert program == "shardpay"
    return rest


class Reader:
    """Types examples, each once, those first that write what it reads."""

    def __init__(self, folder: Path, switch: RunningSwitch) -> None:
        self.folder = folder
        self.switch = switch
        self.printed: dict[str, str] = {}

    def type(self, name: str, *more: str) -> str:
        """What a command printed; it must end with exit code 0."""
        if name not in self.printed:
            for before in AFTER.get(name, ()):
                self.type(before)
            if name == "labels put-file":
                self._write_labels()
            done = self._invoke(name, [*self._filled(name), *more])
            assert done.exit_code == 0, (name, done.output, done.exception)
            self.printed[name] = done.stdout
        return self.printed[name]

    def _write_labels(self) -> None:
        """What a reader knows of a payment that was exported."""
        lake = pq.ParquetDataset(next(self.folder.glob("lake")), filters=[("record", "=", "transfer")])
        paid = uuid.UUID(bytes=lake.read(["id"])["id"].combine_chunks().storage[0].as_py())
        (self.folder / "labels.csv").write_text(f"id,label\n{paid},true\n", encoding="utf-8")

    def _invoke(self, name: str, words: list[str]) -> Result:
        with contextlib.chdir(self._place(name)):
            environment = {"SHARDPAY_API_KEY": KEY, "SHARDPAY_URL": self.switch.url}
            return CliRunner(env=environment).invoke(cli, ["--debug", *words])

    def _place(self, name: str) -> Path:
        if name not in ELSEWHERE:
            return self.folder
        place = self.folder / "elsewhere"
        place.mkdir()
        for written in self.folder.glob("backup-*"):
            (place / written.name).symlink_to(written)
        return place

    def _filled(self, name: str) -> list[str]:
        shop_key = ""
        if "keys list" in self.printed:
            keys = json.loads(self.printed["keys list"])
            (shop_key,) = [key["id"] for key in keys if key["name"] == "shop"]
        return [word.format(url=self.switch.url, shop_key=shop_key) for word in _words(name)]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """In a folder with a switch, which is the example of `serve`, started once for all."""
    folder = tmp_path_factory.mktemp("reader")
    write_files(folder)
    name, *options = _words(SERVE)
    assert name == SERVE
    with running_switch(folder / "data", *options) as switch:
        yield Reader(folder, switch)


def _marked(name: str) -> object:
    return pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name


@pytest.mark.parametrize("name", [_marked(name) for name in sorted(EXAMPLES.keys() - {SERVE, *TYPED_ELSEWHERE})])
def test_the_example_of_a_command_runs(reader: Reader, name: str) -> None:
    assert reader.type(name, *SLOW.get(name, ())).strip()


def test_the_example_of_serve_is_ready_and_prints_a_first_payment(reader: Reader) -> None:
    printed = _printed(reader, "A first payment")
    assert f"Shardpay is ready on {reader.switch.url}" in printed
    assert "curl" in printed.partition("A first payment")[2]


def _printed(reader: Reader, what: str) -> str:
    """What `serve` has printed by the time that it has told this and what follows: it goes on after the switch is ready."""
    output = reader.folder / "data" / "serve-output.log"
    ends = time.monotonic() + PRINTED_WITHIN_S
    while True:
        text = output.read_text()
        if "curl" in text.partition(what)[2] or time.monotonic() > ends:
            return text
        time.sleep(0.1)


def test_each_person_of_the_sample_gets_the_answer_that_is_printed(reader: Reader) -> None:
    """By the question that is printed, with its key, about each wallet that is printed."""
    shown = _printed(reader, "A hotel's question").partition("A hotel's question")[2]
    words = shlex.split(shown.partition("curl ")[2].partition("\n\n")[0].replace("\\\n", " "))
    headers = dict(word.split(": ", 1) for flag, word in itertools.pairwise(words) if flag == "-H")
    body = json.loads(words[words.index("-d") + 1])
    printed = re.findall(r"^  (\w+)(?:: ([A-Z_]+))?(.*?) +(\w{8}-[\w-]+)$", shown, re.MULTILINE)
    assert printed[0][-1] == body["wallet"]
    assert [result for result, *_ in printed] == [person.answer.split(":")[0] for person in PEOPLE]
    for result, reason, more, wallet in printed:
        data = json.dumps({**body, "wallet": wallet}).encode()
        with urllib.request.urlopen(urllib.request.Request(words[1], data, headers), timeout=20) as response:
            answer = json.loads(response.read())
        assert (answer["result"], answer.get("reasons", [])) == (result, [reason] if reason else []), wallet
        assert answer.get("disputed", False) == ("disputed" in more)
