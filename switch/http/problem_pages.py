"""A page for each problem: `type` of a problem leads to it.

`python -m switch.http.problem_pages` prints docs/reference/problems.md.
"""

import html
from typing import Final

from aiohttp import web

from switch.http.server import Answer
from switch.problems.advice import ADVICE
from switch.problems.table import PROBLEMS, ProblemError

_PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{code}</title>
<h1>{code}</h1><p><strong>{title}</strong></p><p>{advice}</p><p>HTTP status {status}. {retry}</p></html>
"""


async def problem_page(request: web.Request) -> web.Response:
    """GET /problems/{code}."""
    code = request.match_info["code"]
    if code not in PROBLEMS:
        raise ProblemError("not_found", "There is no problem of this name.")
    status, retryable, title = PROBLEMS[code]
    texts = {"code": code, "title": title, "advice": ADVICE[code], "retry": _retry(retryable)}
    page = _PAGE.format(status=status, **{name: html.escape(text) for name, text in texts.items()})
    return Answer(page.encode(), content_type="text/html; charset=utf-8")


def _retry(retryable: bool) -> str:
    return (
        "The same request may be sent again, with the same key."
        if retryable
        else "The same request gets the same answer again."
    )


def document() -> str:
    """All pages as one Markdown document."""
    parts = [
        "# Problems\n\nAn error is `application/problem+json` (RFC 9457) with one of these codes. `type` leads to the page of the code,\n"
        "`detail` says what happened this time, `retryable` whether the same request can succeed later, `money_moved` what is known of\n"
        "the money: `no`, or `unknown`, then the same request with the same key shows it.\n"
    ]
    for code, (status, retryable, title) in PROBLEMS.items():
        parts.append(f"## {code}\n\n**{title}** {ADVICE[code]}\n\nHTTP status {status}. {_retry(retryable)}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(document(), end="")
