"""What one logger wrote while a test ran. Threads that an earlier test left behind may log meanwhile, under other names."""

import logging

import pytest


def records(caplog: pytest.LogCaptureFixture, logger: str) -> list[logging.LogRecord]:
    """Those of the logger `logger`, oldest first."""
    return [record for record in caplog.records if record.name == logger]


def messages(caplog: pytest.LogCaptureFixture, logger: str) -> list[str]:
    """Of each record its message."""
    return [record.getMessage() for record in records(caplog, logger)]


def text(caplog: pytest.LogCaptureFixture, logger: str) -> str:
    """As a file would have them, with tracebacks."""
    return "\n".join(map(caplog.handler.format, records(caplog, logger)))
