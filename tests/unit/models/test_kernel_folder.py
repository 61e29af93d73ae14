"""Who has not loaded the compiler finds where it keeps machine code."""

import os
from importlib.metadata import version
from pathlib import Path

import pytest

from models.jit import CACHE_FOLDER
from models.kernel_folder import kernel_folder


def test_the_folder_is_that_of_the_compiler() -> None:
    assert kernel_folder(version("numba"), version("llvmlite"), os.environ.get("NUMBA_CACHE_DIR", "")) == CACHE_FOLDER


def test_another_compiler_has_another_folder_in_the_same_place(tmp_path: Path) -> None:
    made = {kernel_folder(numba, llvmlite, str(tmp_path)) for numba, llvmlite in (("1", "1"), ("2", "1"), ("1", "2"))}
    assert len(made) == 3 and {folder.parent for folder in made} == {tmp_path}
    assert kernel_folder("1", "1", "").parent == Path("~/.cache/shardpay").expanduser().resolve()


def test_a_user_who_has_no_home_has_a_folder_that_nobody_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(user: int) -> None:
        raise KeyError(user)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert not kernel_folder("1", "1", "").parents[2].exists()
