"""The page of commands says of each what its help says: arguments, options with what they take, defaults, examples."""

import click
import pytest

from switch.cli.call_table import CALLS
from switch.cli.main import COMMANDS
from switch.reference.commands import _default, _paragraphs, _section, _takes, commands, document


def option(*names: str, **fields: object) -> click.Option:
    return click.Option(names or ("--x",), **fields)  # type: ignore[arg-type]


def test_every_command_is_there_and_groups_only_if_they_do_something() -> None:
    names = [name for name, _ in commands()]
    assert len(names) == len(set(names)) and {name.split()[1] for name in names} >= set(COMMANDS) - {"bench", *CALLS}
    assert "shardpay rescore" in names and "shardpay rescore status" in names
    assert "shardpay keys" not in names and "shardpay keys create" in names


def test_each_call_is_there_with_a_line() -> None:
    calls = document().partition("## Calls of a running switch")[2]
    assert "| `shardpay transfers refund` | Give money back, in parts or whole. |" in calls
    assert all(f"`shardpay {name} " in calls for name in CALLS)
    own = {name for name, _ in commands() if name.split()[1] in CALLS}
    assert own == {"shardpay events follow", "shardpay labels put-file", "shardpay labels table"}, (
        "the others are calls"
    )


def test_a_command_has_its_usage_its_options_and_its_example() -> None:
    command = click.Command(
        "do",
        params=[
            click.Argument(["file"]),
            option("--many", multiple=True, required=True, help="Give some."),
            option("--secret", hidden=True, help="Nobody sees it."),
        ],
        help="Do it.\n\nMore of\nit.\n\n\b\nkept   as\n  it is",
        epilog="Example: shardpay do x",
    )
    assert _section("shardpay do", command).split("\n\n") == [
        "## shardpay do",
        "```text\nshardpay do [OPTIONS] FILE\n```",
        "Do it.",
        "More of it.",
        "```text\nkept   as\n  it is\n```",
        "| option | takes | default | meaning |\n| --- | --- | --- | --- |\n"
        "| `--many` | `TEXT` |  | Give some. (required, may be repeated) |",
        "Example:",
        "```sh\nshardpay do x\n```",
    ]


@pytest.mark.parametrize(
    ("fields", "takes", "default"),
    [
        ({"is_flag": True}, "", ""),
        ({"type": click.Choice(["a", "b"]), "default": "a"}, "`a` `b`", "`a`"),
        ({"type": click.IntRange(1, 9)}, "integer 1..9", ""),
        ({"type": click.IntRange(0)}, "integer >= 0", ""),
        ({"type": click.FloatRange(0, min_open=True), "default": 2.5}, "number > 0", "`2.5`"),
        ({"type": click.INT, "default": 0}, "integer", "`0`"),
        ({"metavar": "T", "help": "A time [default: now]."}, "`T`", "now"),
        ({"multiple": True, "default": ("a",)}, "`TEXT`", ""),
    ],
)
def test_an_option_says_what_it_takes_and_what_is_so_without_it(
    fields: dict[str, object], takes: str, default: str
) -> None:
    made = option(**fields)
    assert (_takes(made), _default(made)) == (takes, default)


def test_paragraphs_are_one_line_each() -> None:
    assert list(_paragraphs("\n\n  a\n  b\n\n\n c\n")) == ["a b", "c"] and list(_paragraphs("")) == [""]


def test_the_page_has_the_environment_and_no_hidden_option() -> None:
    page = document()
    for name in ("SHARDPAY_DATA", "SHARDPAY_DATABASE", "SHARDPAY_URL", "SHARDPAY_API_KEY"):
        assert f"| `{name}` |" in page
    assert "| `--key` |" not in page, "a key is never typed into a command line"
