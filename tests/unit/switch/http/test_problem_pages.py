"""A page for each problem: escaped, with its status, and saying what a retry brings."""

from typing import Any, cast

import pytest
from aiohttp import web

from switch.http.problem_pages import document, problem_page
from switch.problems.table import PROBLEMS, ProblemError


class Request:
    """What a page looks at."""

    def __init__(self, code: str) -> None:
        self.match_info = {"code": code}


async def page(code: str) -> web.Response:
    return await problem_page(cast(Any, Request(code)))


@pytest.mark.parametrize("code", PROBLEMS)
async def test_each_problem_has_a_page_that_says_its_status_and_whether_to_try_again(code: str) -> None:
    answer = await page(code)
    status, retryable, _ = PROBLEMS[code]
    text = cast(bytes, answer.body).decode()
    assert answer.content_type == "text/html" and f"HTTP status {status}." in text
    assert ("may be sent again, with the same key" in text) is retryable
    assert ("gets the same answer again" in text) is not retryable


@pytest.mark.parametrize("code", ["", "<script>", "../keys", "UNKNOWN"])
async def test_a_page_of_no_problem_is_not_found(code: str) -> None:
    with pytest.raises(ProblemError) as raised:
        await page(code)
    assert raised.value.code == "not_found"


def test_the_document_has_a_section_for_each() -> None:
    text = document()
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == list(PROBLEMS)
