"""What the auditor says when something must not be."""


class Untrue(AssertionError):
    """The auditor found something that must not be."""


def must(condition: bool, text: str, *arguments: object) -> None:
    """Raise Untrue unless the condition holds."""
    if not condition:
        raise Untrue(text.format(*arguments))
