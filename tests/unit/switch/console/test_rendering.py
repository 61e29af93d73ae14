"""How things are written for people, and that no text of a payment is markup or script."""

import re
import shlex
from typing import Any

import click
import pytest
from jinja2 import UndefinedError
from jinja2.nodes import Call, Concat, Const, Name

from switch.cli.main import cli
from switch.console.rendering import (
    PAGE_HEADERS,
    counted,
    data,
    environment,
    figure,
    load_assets,
    measured,
    money,
    number,
    rendered,
    seconds,
    share,
    short_id,
    when,
    words,
)
from tests.steps import to_end

NARROW, MINUS = "\u202f", "\u2212"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ms", "—"),
        (7_033.46, "payments/s", f"7{NARROW}033 payments/s"),
        (16.082, "ms", "16 ms"),
        (850.0, "us", "0.85 ms"),
        (1.25, "s", "1.2 s"),
        (1_200.0, "MB", "1.2 GB"),
        (73.25, "bytes", "73.2 bytes"),
        (0.93123, "AUC", "0.931 AUC"),
        (1.5, "x", "1.5\N{MULTIPLICATION SIGN}"),
        (0.05, "share", "5.0 %"),
    ],
)
def test_a_measured_value_has_a_unit_of_people(value: float | None, unit: str, text: str) -> None:
    assert measured(value, unit) == text


@pytest.mark.parametrize(
    ("amount", "currency", "sign", "text"),
    [
        (123_450, "EUR", False, f"1{NARROW}234.50"),
        (-5, "EUR", False, f"{MINUS}0.05"),
        (5, "EUR", True, "+0.05"),
        (0, "EUR", True, "0.00"),
        (-1_000, "JPY", True, f"{MINUS}1{NARROW}000"),
        (1, "KWD", False, "0.001"),
        (7, "XXX", False, "7"),
        (None, "EUR", False, "\u2014"),
    ],
)
def test_money_is_in_the_currencys_unit(amount: int | None, currency: str, sign: bool, text: str) -> None:
    assert money(amount, currency, sign) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "\u2014"), (-1_234, f"{MINUS}1{NARROW}234"), (0, "0"), (1.5, "1.5")]
)
def test_a_count_has_its_thousands_apart(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "nouns", "text"),
    [
        (1, ("point",), "1 point"),
        (0, ("point",), "0 points"),
        (-1, ("point",), f"{MINUS}1 points"),
        (12_000, ("one is", "ones are"), f"12{NARROW}000 ones are"),
        (1, ("one is", "ones are"), "1 one is"),
    ],
)
def test_what_is_counted_is_one_or_several(value: int, nouns: tuple[str, ...], text: str) -> None:
    assert counted(value, *nouns) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\u2014"), (0.00084, "0.84 ms"), (0.0012, "1.2 ms"), (0.012, "12 ms"), (1.24, "1.2 s"), (0.0, "0.00 ms"),
        (0.9999, "1000 ms"),
    ],
)  # fmt: skip
def test_a_latency_has_two_figures(value: float | None, text: str) -> None:
    assert seconds(value) == text


def test_small_ratios_are_not_nothing() -> None:
    assert [share(each) for each in (0.0, 0.004, 0.5, 1.0)] == ["0 %", "0.4 %", "50 %", "100 %"]


def test_times_ids_and_names_are_short() -> None:
    assert str(when("2026-11-24T12:00:00.5Z")).endswith('<span class="day">2026-11-24</span> 12:00:00.5</time>')
    assert str(when('"><script>')).count("<script>") == 0 and str(when(None)) == str(when("")) == "\u2014"
    assert short_id("00003000-0f18-86a7-a655-811d7f69def9") == "\u2026811d7f69def9" and short_id("own") == "own"
    assert words("transfer.in_review") == "transfer in review"


def test_data_for_scripts_ends_no_script() -> None:
    assert str(data({"a": "</script><!-- & -->"})) == '{"a":"\\u003c/script\\u003e\\u003c!-- \\u0026 --\\u003e"}'


def template(text: str) -> Any:
    return environment(load_assets()).from_string(text)


def test_text_is_escaped_and_a_name_that_a_view_does_not_have_is_a_fault() -> None:
    page = to_end(rendered(template("{{ text }} {{ amount|money('EUR') }}"), {"text": "<b>", "amount": 5}))
    assert page == b"&lt;b&gt; 0.05"
    with pytest.raises(UndefinedError):
        to_end(rendered(template("{{ missing }}"), {}))


def test_a_long_page_is_made_in_steps_and_comes_whole() -> None:
    made, steps = rendered(template("{% for i in range(500) %}{{ i }},{% endfor %}"), {}), 0
    try:
        while True:
            next(made)
            steps += 1
    except StopIteration as end:
        page = end.value
    assert steps > 5 and page.decode() == "".join(f"{i}," for i in range(500))


def test_files_of_pages_have_a_type_and_a_name_for_what_is_in_them() -> None:
    assets = load_assets()
    assert {name.rpartition(".")[2] for name in assets} >= {"css", "js"}
    for name, asset in assets.items():
        assert asset.body and len(asset.version) == 12 and ("charset" in asset.content_type or name.endswith(".svg"))
    link = template("{{ asset('console.css') }}") if "console.css" in assets else template("{{ asset(name) }}")
    name = "console.css" if "console.css" in assets else next(iter(assets))
    assert link.render(name=name) == f"/console/assets/{name}?v={assets[name].version}"


def test_pages_run_nothing_that_is_not_ours() -> None:
    policy = PAGE_HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy


def test_measured_values_have_three_digits_or_are_whole() -> None:
    written = [figure(each) for each in (None, 0.0, 0.01234, 3.14159, 99.94, 100.4, 41_234.5, -2.5)]
    assert written == ["\u2014", "0", "0.0123", "3.14", "99.9", "100", f"41{NARROW}234", f"{MINUS}2.5"]


def empty_commands() -> list[tuple[str, str]]:
    """What pages without content say to type: template and lines."""
    made = environment(load_assets())
    assert made.loader is not None
    found = []
    for name in made.list_templates():
        source, *_ = made.loader.get_source(made, name)
        for call in made.parse(source).find_all(Call):
            if isinstance(call.node, Name) and call.node.name == "empty" and len(call.args) > 1:
                parts = call.args[1].nodes if isinstance(call.args[1], Concat) else [call.args[1]]
                found.append((name, "".join(each.value if isinstance(each, Const) else "x" for each in parts)))
    return found


def test_what_an_empty_page_says_to_type_are_commands_with_their_options() -> None:
    assert len(empty_commands()) > 5
    for name, text in empty_commands():
        for line in re.findall(r"\bshardpay ([^$)\n]*)", text):
            command: Any = cli
            path = shlex.split(line)
            while isinstance(command, click.Group) and path and not path[0].startswith("-"):
                found = command.get_command(click.Context(command), path[0])
                if found is None:
                    break
                command, path = found, path[1:]
            assert command is not cli, f"{name}: {line}"
            known = {"--help"} | {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
            assert {word for word in path if word.startswith("--")} <= known, f"{name}: {line}"


def test_an_empty_page_of_rescoring_publishes_the_card_before_the_scores() -> None:
    (text,) = [text for name, text in empty_commands() if name == "rescoring.html"]
    assert text.index("cards publish ./scores/card.json") < text.index("rescore publish ./scores")
