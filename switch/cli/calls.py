"""Commands that are calls of the client, made from its methods.

Arguments, options and help are those of the method. A call that is new in the table of routes is new in the client, and so it is a command.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from types import UnionType
from typing import Any, Final, NamedTuple, TypeVar, get_args, get_origin

import click
import msgspec
from msgspec import UnsetType

from switch.cli.call_table import CALLS
from switch.cli.client import RETRY_S, in_words, switch_options
from switch.cli.options import COUNT_MAX, as_text, json_option
from switch.client import Client, ProblemError, ShardpayError, sync_resources
from switch.client.calls import new_key

TIMEOUT_S: Final = 30.0
ROWS: Final = 50
"""Of a list, unless more are asked for."""
TAKEN: Final = {"url": "endpoint-url"}
"""Options that every command has, and what a field of that name is called."""
FIELDS: Final = {option.replace("-", "_"): name for name, option in TAKEN.items()}
"""What such an option is called beside the one that every command has."""
NOT_ASKED: Final = ("limit",)
"""Parameters of methods that are no option: the client reads page after page."""
CELL_CHARACTERS: Final = 60
KEY: Final = "idempotency_key"
BESIDE: Final = {
    "events": (("switch.cli.events_follow", "events_follow"),),
    "labels": (("switch.cli.labels.put", "labels_put"), ("switch.cli.labels.table", "labels_table")),
}
"""Commands of a group that are more than a call, by module and name."""

RESOURCES: Final = {"api_keys": "keys"}
"""Resources that have another name as a group: `shardpay keys` works where the database is."""

F = TypeVar("F", bound=Callable[..., Any])


def only_option(command: F) -> F:
    """--only, as every call has it."""
    return click.option("--only", metavar="FIELD", help="Print this field alone, for scripts.")(command)


class CallCommand(click.Command):
    """A call of a running switch."""


class _Json(click.ParamType[Any]):
    """A value as JSON, or the name of a file with it."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """What the text says."""
        if not isinstance(value, str):
            return value
        try:
            found = msgspec.json.decode(Path(value[1:]).read_bytes() if value.startswith("@") else value.encode())
            if found is None:
                self.fail("null is said with --null and the field's name", param, ctx)
            return found
        except OSError as error:
            self.fail(f"{value[1:]}: {error.strerror}", param, ctx)
        except msgspec.DecodeError as error:
            self.fail(f"JSON, or @FILE with it, is expected: {error}", param, ctx)


class _Pair(click.ParamType[tuple[str, str]]):
    """NAME=TEXT."""

    name = "name=text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Name and text."""
        name, sign, text = value if isinstance(value, tuple) else value.partition("=")
        if not sign or not name:
            self.fail(f"{value!r} is not NAME=TEXT", param, ctx)
        return name, text


class _Whole(click.ParamType[int]):
    """What the switch can hold; which of it fits is for the switch to say."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number that a text says."""
        number = click.INT.convert(value, param, ctx)
        if not -(2**63) <= number < 2**63:
            self.fail(f"{value} is no number of 64 bits", param, ctx)
        return int(number)


JSON: Final = _Json()
WHOLE: Final = _Whole()
PAIR: Final = _Pair()


class _Kind(NamedTuple):
    """How a parameter is typed. `many`: the option may be repeated."""

    type: click.ParamType[Any]
    many: bool = False


def _kind(annotation: Any) -> _Kind:
    alternatives = get_args(annotation) if get_origin(annotation) is UnionType else (annotation,)
    kinds = [each for each in alternatives if each not in (UnsetType, type(None))]
    if len(kinds) != 1:
        return _Kind(click.FLOAT if set(kinds) == {int, float} else JSON)
    (kind,) = kinds
    if get_origin(kind) is not None:
        if get_args(kind) == (str, str):
            return _Kind(PAIR, many=True)
        return _Kind(click.STRING, many=True) if get_args(kind) == (str,) else _Kind(JSON)
    return _Kind({str: click.STRING, int: WHOLE, float: click.FLOAT, bool: click.BOOL}.get(kind, JSON))


def _is_nullable(parameter: inspect.Parameter) -> bool:
    """Whether null is another value than none given."""
    given = get_args(parameter.annotation)
    return UnsetType in given and type(None) in given


def __getattr__(name: str) -> click.Group:
    """The group of a resource."""
    group = name.replace("_", "-")
    if group not in CALLS:
        raise AttributeError(name)
    resource = getattr(sync_resources, "".join(word.title() for word in RESOURCES.get(name, name).split("_")))
    methods = {word: method for word, method in vars(resource).items() if not word.startswith("_")}
    commands = {word.replace("_", "-"): _command(name, word, method) for word, method in methods.items()}
    for module, command in BESIDE.get(group, ()):
        beside: click.Command = getattr(import_module(module), command)
        assert beside.name is not None
        commands[beside.name] = beside
    return click.Group(group, help=CALLS[group], commands=commands)


def _command(resource: str, word: str, method: Any) -> click.Command:
    summary, meanings = _documented(method)
    parameters = [each for each in inspect.signature(method).parameters.values() if each.name != "self"]
    asked = [each for each in parameters if each.name not in NOT_ASKED]
    nullable = [each.name for each in asked if _is_nullable(each)]
    is_list = get_origin(inspect.signature(method).return_annotation) is Iterator

    def run(
        url: str,
        key: str | None,
        as_json: bool,
        only: str | None,
        rows: int = ROWS,
        null: Sequence[str] = (),
        **values: Any,
    ) -> None:
        typed = {FIELDS.get(name, name): value for name, value in values.items()}
        given = {name: _given(value) for name, value in typed.items() if value is not None and value != ()}
        given |= dict.fromkeys(null)
        if KEY in values:
            given.setdefault(KEY, new_key(None))
        with _refusals(given, as_json), Client(url, key, timeout_s=TIMEOUT_S, retry_s=RETRY_S) as client:
            found = getattr(getattr(client, RESOURCES.get(resource, resource)), word)(**given)
            show = partial(_show_list, rows=rows) if is_list else _show_one
            show(found, as_json=as_json, only=only)

    words = f"shardpay {resource.replace('_', '-')} {word.replace('_', '-')}"
    command = CallCommand(
        word.replace("_", "-"),
        callback=json_option(only_option(switch_options(run))),
        help=summary,
        epilog=f"Example: {' '.join([words, *_example(asked)])}",
    )
    own = [_parameter(each, meanings.get(each.name, "")) for each in asked]
    if is_list:
        own.append(
            click.Option(
                ["--rows"],
                type=click.IntRange(0, COUNT_MAX),
                default=ROWS,
                show_default=True,
                help="Rows at most; 0: all.",
            )
        )
    if nullable:
        own.append(click.Option(["--null"], type=click.Choice(nullable), multiple=True, help="Set this field to null."))
    command.params = [*own, *reversed(getattr(run, "__click_params__", []))]
    return command


def _documented(method: Any) -> tuple[str, dict[str, str]]:
    """What a method does, and what it says of its parameters."""
    summary, _, rest = inspect.cleandoc(method.__doc__).partition("\n\n")
    rest = " ".join(rest.split()).removesuffix("Raises ShardpayError.")
    parts = re.split(r"(?:^|(?<=\. ))`(\w+)`: ", rest)
    return " ".join(summary.split()), {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def _option_name(parameter: inspect.Parameter) -> str:
    return TAKEN.get(parameter.name, parameter.name.rstrip("_").replace("_", "-"))


def _parameter(parameter: inspect.Parameter, meaning: str) -> click.Parameter:
    if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
        return click.Argument([parameter.name])
    kind = _kind(parameter.annotation)
    name = _option_name(parameter)
    needed = parameter.default is inspect.Parameter.empty
    is_flag = kind.type is click.BOOL and not needed  # what must be said is said as true or false
    flags = f"--{name}/--no-{name}" if is_flag else f"--{name}"
    time = " RFC 3339 time." if name.endswith("-at") and "RFC 3339" not in meaning else ""
    text = f"{meaning[:1].upper()}{meaning[1:]}{time}{_shape(kind)}"
    neither: dict[str, Any] = {"default": None} if is_flag else {}
    return click.Option(
        [flags, name.replace("-", "_") if parameter.name in TAKEN else parameter.name],
        type=None if is_flag else kind.type,
        required=needed,
        multiple=kind.many,
        help=text,
        **neither,
    )


def _shape(kind: _Kind) -> str:
    """How a value is typed, as a sentence."""
    shape = {id(JSON): "JSON, or @FILE", id(PAIR): "NAME=TEXT"}.get(id(kind.type), "")
    words = "; ".join(filter(None, (shape, "may be repeated" if kind.many else "")))
    return f" {words[:1].upper()}{words[1:]}." if words else ""


def _example(parameters: list[inspect.Parameter]) -> Iterator[str]:
    """Words for what must be given."""
    for each in parameters:
        kind = _kind(each.annotation)
        samples = {id(WHOLE): "100", id(click.BOOL): "true", id(JSON): "'[]'"}
        value = samples.get(id(kind.type), each.name.rstrip("_").upper())
        if each.kind is not inspect.Parameter.KEYWORD_ONLY:
            yield value
        elif each.default is inspect.Parameter.empty:
            yield f"--{_option_name(each)} {value}"


def _given(value: Any) -> Any:
    """An option's value as the method takes it."""
    if isinstance(value, tuple):
        return dict(value) if isinstance(value[0], tuple) else list(value)
    return value


@contextmanager
def _refusals(given: Mapping[str, Any], as_json: bool) -> Iterator[None]:
    """What the switch refuses, or that it is away, ends the command: in words, or as its problem."""
    try:
        yield
    except ShardpayError as error:
        if as_json and isinstance(error, ProblemError):
            click.echo(as_text(error.problem))
            raise click.exceptions.Exit(1) from None
        again = ""
        if error.money_moved == "unknown" and KEY in given:
            again = f"; whether it happened is not known: the same command with --idempotency-key {given[KEY]} tells"
        raise click.ClickException(f"{in_words(error)}{again}") from None


def _show_one(found: Any, as_json: bool, only: str | None) -> None:
    """One thing: a line a field, or JSON."""
    plain = msgspec.to_builtins(found)
    if only is not None:
        click.echo(_text(_picked(plain, only)))
    elif as_json or not isinstance(plain, dict):
        click.echo(as_text(plain) if plain is not None else "done")
    else:
        width = max(map(len, plain), default=0)
        for name, value in plain.items():
            click.echo(f"{name.ljust(width)}  {_text(value)}".rstrip())


def _show_list(found: Iterator[Any], rows: int, as_json: bool, only: str | None) -> None:
    """Rows as a table, or each as a line of JSON."""
    lines = [msgspec.to_builtins(each) for each in islice(found, rows or None)]
    if only is not None:
        for line in lines:
            click.echo(_text(_picked(line, only)))
    elif as_json:
        for line in lines:
            click.echo(msgspec.json.encode(line))
    elif not lines:
        click.echo("none")
    else:
        names = list(dict.fromkeys(name for line in lines for name in line))
        cells = [names, *([_cell(line.get(name)) for name in names] for line in lines)]
        widths = [max(len(row[at]) for row in cells) for at in range(len(names))]
        for row in cells:
            click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if rows and next(found, None) is not None:
        click.echo(f"there are more: --rows {2 * rows}, or --rows 0 for all", err=True)


def _picked(plain: Any, name: str) -> Any:
    if not isinstance(plain, dict) or name not in plain:
        there = ", ".join(plain) if isinstance(plain, dict) else "none"
        raise click.ClickException(f"the answer has no field {name!r}; it has: {there}")
    return plain[name]


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _cell(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 3] + "..."
