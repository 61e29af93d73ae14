"""Deciders that tests of scoring share, and payments for them."""

import functools

import numpy as np
from numpy.typing import NDArray

from rules.compile.compiler import compile_pack
from rules.decisions.pack import Decider
from rules.language.document import read_pack
from rules.vocabulary.columns import COLUMN_COUNT, INDEX


def decider(number: int, rules: str, fallback: str = "approve") -> Decider:
    return Decider(compile_pack(read_pack(f"name: p{number}\nfallback: {fallback}\nrules: [{rules}]\n"), {}, number, 1))


def rule(identity: str, least: int, action: str, mode: str = "live") -> str:
    return f"{{id: {identity}, when: amount >= {least}, action: {action}, reason: R, mode: {mode}}}"


def payments(*amounts: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    columns = np.zeros((len(amounts), COLUMN_COUNT), np.int64)
    columns[:, INDEX["amount"]] = amounts
    return np.arange(65_536, 65_536 + len(amounts), dtype=np.int64), columns


@functools.cache
def packs() -> dict[int, Decider]:
    """By number: 1 declines what is large, 2 what is not small, 3 reviews it. They take a second to compile."""
    strict = ", ".join((rule("some", 10, "decline"), rule("any", 1, "decline", mode="shadow")))
    return {
        1: decider(1, rule("big", 100, "decline"), fallback="decline"),
        2: decider(2, strict),
        3: decider(3, rule("some", 10, "review")),
    }
