"""What only training needs is imported when it is asked for; where it is absent, one line names what to install."""

import logging
import sys
from pathlib import Path

import pytest

from models.training.extra import MissingExtra, optional_module
from tests.logged import messages


def test_a_module_that_is_there_is_given() -> None:
    assert optional_module("json").loads("[1]") == [1]


@pytest.mark.parametrize(("name", "named"), [("nowhere_at_all", "nowhere_at_all"), ("needs_another", "an_absent_one")])
def test_an_absent_one_is_named_also_when_another_module_wants_it(
    name: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needs_another.py").write_text("import an_absent_one")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtra, match=rf"training needs {named}: \.venv/bin/pip install -e '\.\[train\]'"):
        optional_module(name)


def test_what_a_module_logs_while_it_is_imported_is_not_shown_and_what_is_logged_later_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "talks.py").write_text("import logging\nlogging.getLogger('talks').error('could not import that')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "talks", raising=False)
    optional_module("talks")
    logging.getLogger("talks").error("later")
    assert messages(caplog, "talks") == ["later"]


def test_an_error_of_the_module_itself_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "breaks.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError):
        optional_module("breaks")
    assert logging.root.manager.disable == logging.NOTSET
