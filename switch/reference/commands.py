"""docs/reference/commands.md, from the command line itself.

Every command, argument, option, default and example.
"""

import re
import textwrap
from collections.abc import Iterator
from typing import Final

import click

from switch.cli.calls import CallCommand
from switch.cli.main import cli
from switch.reference.markdown import code, page, table

_INTRODUCTION: Final = """\
`shardpay COMMAND --help` prints the same. Every command exits with 0 when it is done, 1 when it failed or found a difference, 2 on bad
usage. An error is one line; `shardpay --debug COMMAND` adds the traceback. Commands that print figures take `--json`. Long work shows its
progress when standard error is a terminal."""

_CALLS: Final = """\
Each is a [call](http-api.md) with its arguments and fields as options, which `--help` shows; [examples](../command-line.md). A list prints
`--rows` rows; `--json` prints what the switch answered, of lists a line for each entry; `--only` one field. Without `--idempotency-key` a
new key is made; where an answer is lost, the message names it."""

_ENVIRONMENT: Final = {
    "SHARDPAY_DATA": "Default of `--data`.",
    "SHARDPAY_DATABASE": "Default of `--database`, except where `--data` is typed; `serve` and `doctor` use both.",
    "SHARDPAY_URL": "Default of `--url`.",
    "SHARDPAY_API_KEY": "For `serve`: a bootstrap key with every scope. For commands that call a running switch: the key to send.",
}


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something of its own, with its full name: a group is listed if it does something by itself."""
    return ((name, command) for name, command in _all() if not isinstance(command, CallCommand))


def _all() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli, info_name="shardpay")
    yield from _below("shardpay", cli, context)


def _below(name: str, command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield name, command
        return
    if command.invoke_without_command:
        yield name, command
    for sub in command.list_commands(context):
        found = command.get_command(context, sub)
        assert found is not None, "a listed command exists"
        yield from _below(f"{name} {sub}", found, click.Context(found, parent=context, info_name=sub))


def document() -> str:
    """The page."""
    environment = table(("variable", "meaning"), ((code(name), text) for name, text in _ENVIRONMENT.items()))
    sections = (_section(name, command) for name, command in commands())
    return page("Commands", _INTRODUCTION, "## Environment\n\n" + environment, *sections, _calls())


def _calls() -> str:
    """Calls are in the page of the API with all that they take, so a line each is enough."""
    rows = ((code(name), command.help or "") for name, command in _all() if isinstance(command, CallCommand))
    return "\n\n".join(("## Calls of a running switch", _CALLS, table(("command", "what it does"), rows)))


def _section(name: str, command: click.Command) -> str:
    arguments = [parameter for parameter in command.params if isinstance(parameter, click.Argument)]
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    usage = " ".join([name, "[OPTIONS]", *(argument.human_readable_name for argument in arguments)])
    parts = [f"## {name}", _block("text", usage), *_paragraphs(command.help or "")]
    if options:
        parts.append(table(("option", "takes", "default", "meaning"), map(_option, options)))
    if command.epilog:
        example = command.epilog.replace("\b\n", "").strip().removeprefix("Example: ")
        parts.append(f"Example:\n\n{_block('sh', example)}")
    return "\n\n".join(part.rstrip() for part in parts)


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _paragraphs(text: str) -> Iterator[str]:
    """The help as Markdown; what click keeps as it is (after \\b) becomes a code block."""
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        if paragraph.lstrip().startswith("\b"):
            kept = textwrap.dedent(paragraph.partition("\b\n")[2].rstrip())
            yield _block("text", kept)
        else:
            yield " ".join(paragraph.split())


def _option(option: click.Option) -> tuple[str, str, str, str]:
    names = ", ".join(code(name) for name in (*option.opts, *option.secondary_opts))
    more = [text for text, yes in (("required", option.required), ("may be repeated", option.multiple)) if yes]
    help_text = re.sub(r"\s*\[default: [^]]*\]", "", option.help or "")
    meaning = help_text + (f" ({', '.join(more)})" if more and "may be repeated" not in help_text else "")
    return names, _takes(option), _default(option), meaning


def _takes(option: click.Option) -> str:
    if option.is_flag:
        return ""
    kind = option.type
    if isinstance(kind, click.Choice):
        return " ".join(code(choice) for choice in kind.choices)
    if isinstance(kind, (click.IntRange, click.FloatRange)):
        low, high = ("" if bound is None else f"{bound:.10g}" for bound in (kind.min, kind.max))
        noun = "integer" if isinstance(kind, click.IntRange) else "number"
        return f"{noun} {low}..{high}" if high else f"{noun} {'>' if kind.min_open else '>='} {low}"
    if kind in (click.INT, click.FLOAT):
        return "integer" if kind is click.INT else "number"
    return code(option.metavar or kind.name.upper())


def _default(option: click.Option) -> str:
    stated = re.search(r"\[default: ([^]]*)\]", option.help or "")
    if stated:
        return stated[1]
    default = option.default
    if option.is_flag or option.multiple or default is None or "UNSET" in repr(default).upper():
        return ""
    return code(default)
