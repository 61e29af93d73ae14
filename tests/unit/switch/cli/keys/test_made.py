"""A new key is alone on stdout, for scripts; stderr says when it ends, for people."""

import json
from datetime import UTC, datetime

import pytest

from actors.stores.api_keys import CreatedKey
from switch.cli.keys.made import show_made

END = datetime(2036, 1, 31, 9, 5, 59, tzinfo=UTC)


def made(ends: datetime | None) -> CreatedKey:
    return CreatedKey(id="k1", name="shop", scopes=("pay",), expires_at=ends, key="sp_1")


@pytest.mark.parametrize(
    ("ends", "as_before", "line"),
    [
        (END, False, "it ends at 2036-01-31 09:05 UTC\n"),
        (END, True, "it ends at 2036-01-31 09:05 UTC, when the old key would have: --expires-in gives another end\n"),
        (None, False, "it never ends\n"),
        (None, True, "it never ends\n"),
    ],
)
def test_the_end_of_a_key_is_said_beside_it(
    capsys: pytest.CaptureFixture[str], ends: datetime | None, as_before: bool, line: str
) -> None:
    show_made(made(ends), as_json=False, as_before=as_before)
    assert capsys.readouterr() == ("sp_1\n", line)


@pytest.mark.parametrize(("ends", "shown"), [(END, "2036-01-31T09:05:59Z"), (None, None)])
def test_json_has_it_among_the_rest(
    capsys: pytest.CaptureFixture[str], ends: datetime | None, shown: str | None
) -> None:
    show_made(made(ends), as_json=True, as_before=True)
    out, err = capsys.readouterr()
    assert json.loads(out) == {"id": "k1", "name": "shop", "scopes": ["pay"], "expires_at": shown, "key": "sp_1"}
    assert err == ""
