"""The id by which a caller, or who passes its request on, knows the request."""

import re
from collections.abc import Mapping
from typing import Final

REQUEST_ID: Final = "X-Request-Id"
_ID: Final = re.compile("[!-~]{1,64}")


def given_id(headers: Mapping[str, str]) -> str:
    """The id in a request's headers, "" where there is none or it is none to print: 1 to 64 visible characters of ASCII."""
    given = headers.get(REQUEST_ID, "")
    return given if _ID.fullmatch(given) else ""
