"""How many names the objects of a JSON text have.

They are counted before it is decoded, as each costs time that no length tells. What is no JSON is counted somehow; who decodes it
finds out.
"""

import re
from typing import Final

from switch.fairness.scheduling import Steps
from switch.problems.table import ProblemError, invalid_field

NAMES_MAX: Final = 32_768
"""Of what is decoded in one step. The largest that is right, 1,000 past orders, has 11,001; a scorecard has some thousands. To decode so
many and to look for repeated ones takes 10 ms."""
_STRETCH_BYTES: Final = 64 << 10
"""Looked at in one step: a fifth of a millisecond."""
_STEP_NAMES: Final = 512
"""Passed in one step."""
_TO_MARK: Final = re.compile(rb'[^":\[\]]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^":\[\]]*+)*+', re.DOTALL)
_IN_STRING: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_QUOTE: Final = ord('"')
_ESCAPE: Final = ord("\\")
_COLON: Final = ord(":")
_BEGIN: Final = ord("[")


def too_many_names(path: str) -> ProblemError:
    """The refusal of a text, or of what stands at a path in it."""
    return invalid_field(path, f"there are more than {NAMES_MAX:,} names in it")


def few_names(text: bytes) -> bool:
    """Whether there are at most NAMES_MAX, of a text of no more than a body in one step may have."""
    if text.count(b":") <= NAMES_MAX:
        return True
    steps = names_of(text)
    try:
        while True:
            next(steps)
    except StopIteration as end:
        found: int = end.value
        return found <= NAMES_MAX


def names_of(text: bytes, *, lists_too: bool = True, marks_max: int = 1 << 22) -> Steps[int]:
    """The number of names, those inside of lists too or not; more than NAMES_MAX are not counted to the end, nor is what has more than so
    many colons and brackets."""
    at = names = depth = marks = 0
    while names <= NAMES_MAX:
        at = yield from _end_of_strings(text, at)
        if at >= len(text):
            return names
        mark = text[at]
        if mark == _COLON:
            names += lists_too or not depth
        else:
            depth += 1 if mark == _BEGIN else -1
        at, marks = at + 1, marks + 1
        if marks > marks_max:
            return NAMES_MAX + 1
        if marks % _STEP_NAMES == 0:
            yield
    return names


def _end_of_strings(text: bytes, at: int) -> Steps[int]:
    """Where the next colon or bracket outside of strings stands; the end of the text when there is none."""
    inside = False
    while at < len(text):
        until = min(at + _STRETCH_BYTES, len(text))
        match = (_IN_STRING if inside else _TO_MARK).match(text, at, until)
        assert match is not None, "it matches nothing, too"
        at = match.end()
        if at == until:
            pass
        elif text[at] == _QUOTE:  # the end of a long string, or the begin of one that does not end in this stretch
            inside, at = not inside, at + 1
        elif inside:
            assert text[at] == _ESCAPE, "the stretch ends between it and its character"
            at += 2
        else:
            return at
        if inside or at == until:
            yield
    return len(text)
