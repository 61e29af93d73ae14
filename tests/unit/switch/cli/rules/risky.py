"""A pack with a list and a test, and the command that looks at it."""

from pathlib import Path

from click.testing import CliRunner, Result

from switch.cli.rules.group import rules_group

PACK = """\
name: p
fallback: review
lists: {risky: {file: risky.txt}}
rules:
  - {id: a, when: country in lists.risky, action: review, reason: R}
tests:
  - {name: risky, given: {country: MM}, expect: {action: review}}
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(rules_group, [str(each) for each in arguments])


def write_pack(folder: Path) -> Path:
    path = folder / "pack.yaml"
    path.write_text(PACK)
    (folder / "risky.txt").write_text("MM\nKH\n")
    return path
