"""What a call can end with, beside its answer."""

from typing import Any


class ShardpayError(Exception):
    """A call did not succeed. `money_moved`: "no", or "unknown"; then the same call with the same `idempotency_key` tells. Of a table whose
    rows were being sent, `table` has them with their keys, and `code` null where no answer came: the same call with it tells."""

    def __init__(self, message: str, *, money_moved: str, idempotency_key: str | None) -> None:
        super().__init__(message)
        self.money_moved = money_moved
        self.idempotency_key = idempotency_key
        self.table: Any = None


class ProblemError(ShardpayError):
    """The switch answered with a problem (RFC 9457). `problem` is all of it, `code` its name in the table of problems."""

    def __init__(self, status: int, problem: dict[str, Any], *, money_moved: str, idempotency_key: str | None) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", status))
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail", ""))
        self.retryable = bool(problem.get("retryable", False))
        super().__init__(self._text(), money_moved=money_moved, idempotency_key=idempotency_key)

    def _text(self) -> str:
        stated = self.detail or self.title or str(self.status)
        errors = list(self.problem.get("errors", ()))
        if errors and str(errors[0].get("message")) in stated:
            del errors[0]  # the detail says it; another may have the same message
        return "; ".join(
            [f"{self.code}: {stated}", *(f"{each.get('field')}: {each.get('message')}" for each in errors)]
        )


class DeclinedError(ProblemError):
    """The payment was declined: a record says so, and no money moved. `transfer_id` and `decision` tell why."""

    @property
    def transfer_id(self) -> str:
        """The id of the declined transfer."""
        return str(self.problem["transfer_id"])

    @property
    def decision(self) -> dict[str, Any] | None:
        """What scoring said; None when a limit or missing funds declined it."""
        decision: dict[str, Any] | None = self.problem.get("decision")
        return decision


class UnreachableError(ShardpayError):
    """No answer came within the time that the client was given, however often it asked."""
