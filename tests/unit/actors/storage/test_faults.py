"""What a store answers is said in words that help; texts as obstore gives them."""

import pytest

from actors.storage.faults import refused

ANSWER = "Generic S3 error: Error performing GET http://h/b/x in 3ms - Server returned non-2xx status code: {}: <Error>{}</Error>"


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        (ANSWER.format("404 Not Found", "<Code>NoSuchBucket</Code>"), "there is no bucket b at Amazon S3"),
        (ANSWER.format("301 Moved", "<Code>PermanentRedirect</Code>"), "AWS_REGION names it"),
        (ANSWER.format("400 Bad Request", "<Code>AuthorizationHeaderMalformed</Code>"), "in another region"),
        (
            ANSWER.format("403 Forbidden", "<Code>AccessDenied</Code>"),
            r"access denied \(AccessDenied\).*AWS_ACCESS_KEY",
        ),
        (ANSWER.format("400 Bad Request", "<Code>ExpiredToken</Code>"), "access denied .*AWS_SESSION_TOKEN"),
        ("Error performing PUT http://169.254.169.254/latest/api/token in 1ms - error", "there are no credentials"),
        ("Generic S3 error: after 9 retries - HTTP error: error sending request", "does not answer .*--store-patience"),
        (ANSWER.format("503 Slow Down", "<Code>SlowDown</Code>"), "does not answer"),
        (
            'Generic S3 error: Encountered object with invalid path: Path "x//y" contained empty path segment',
            r'a key that is no path \(Path "x//y" contained empty path segment\); remove it, or copy it to another key$',
        ),
        (ANSWER.format("416 Range", "<Code>InvalidRange</Code>"), "InvalidRange"),
    ],
)
def test_each_answer_says_what_would_help(text: str, stated: str) -> None:
    error = refused("s3://b/x", "b", "Amazon S3", Exception(f"{text}\nDebug source:\nAccessDenied {{ secrets }}"))
    with pytest.raises(type(error), match=rf"^s3://b/x: .*{stated}"):
        raise error
    assert "secrets" not in str(error)
