"""What a store answered, in words that say what would help."""

import re
from typing import Final

from actors.storage.interface import StorageRefused

_CODE: Final = re.compile(r"<Code>(\w+)</Code>")
_STATUS: Final = re.compile(r"status code: (\d{3})")
_NO_PATH: Final = re.compile(r"invalid path: (.*)", re.DOTALL)
CREDENTIALS: Final = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and perhaps AWS_SESSION_TOKEN; AWS_SKIP_SIGNATURE=true for a public bucket"
INSTANCE_ADDRESS: Final = "169.254.169.254"
"""Where a machine of Amazon's asks who it is: the last place where credentials are looked for."""
ELSEWHERE: Final = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)
DENIED: Final = frozenset(
    {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
)


def refused(url: str, bucket: str, endpoint: str, error: BaseException) -> StorageRefused:
    """An error of the client as one for people. `url`: what was asked for."""
    text = str(error).partition("\nDebug source")[0]
    code, status = _first(_CODE, text), _first(_STATUS, text)
    if INSTANCE_ADDRESS in text:
        return StorageRefused(f"{url}: there are no credentials; the environment may give {CREDENTIALS}")
    if code == "NoSuchBucket":
        return StorageRefused(f"{url}: there is no bucket {bucket} at {endpoint}; AWS_ENDPOINT_URL names another store")
    if code in ELSEWHERE or status in ("301", "307"):
        return StorageRefused(f"{url}: bucket {bucket} is in another region; AWS_REGION names it ({code or status})")
    if code in DENIED or status in ("401", "403"):
        return StorageRefused(f"{url}: access denied ({code or status}); the environment gives {CREDENTIALS}")
    if no_path := _first(_NO_PATH, text):
        words = " ".join(no_path.split())[:300]
        return StorageRefused(
            f"{url}: an object in it has a key that is no path ({words}); remove it, or copy it to another key"
        )
    if not status or status.startswith("5") or status == "429":
        words = " ".join(text.split())[-200:]
        return StorageRefused(f"{url}: {endpoint} does not answer ({words}); --store-patience waits longer")
    return StorageRefused(f"{url}: {' '.join(text.split())[:400]}")


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
