"""What can go wrong, in the contract's codes. No HTTP types: `app` maps codes to statuses."""

from __future__ import annotations

from chains.turn import TurnError


class DocentError(Exception):
    """A known failure. `message` is for the reader; whatever the author needs goes to the log as the cause."""

    code = "internal"
    message = "Something went wrong on our side. Please try again."
    retryable = True

    def __init__(self, message: str | None = None, *, retry_after: int | None = None) -> None:
        super().__init__(message or self.message)
        self.message = message or self.message
        self.retry_after = retry_after

    def as_dict(self) -> TurnError:
        error = TurnError(code=self.code, message=self.message, retryable=self.retryable)
        if self.retry_after is not None:
            error["retry_after"] = self.retry_after
        return error


class InvalidTurn(DocentError):
    code = "invalid_turn"
    message = "This question could not be read."
    retryable = False


class TooLarge(DocentError):
    code = "too_large"
    message = "This message is too long."
    retryable = False


class Unauthorized(DocentError):
    code = "unauthorized"
    message = "This visitor token is not valid any more. Please start again."
    retryable = False


class ForbiddenOrigin(DocentError):
    code = "forbidden_origin"
    message = "This site may not talk to this service."
    retryable = False


class NotFound(DocentError):
    code = "not_found"
    message = "There is nothing here."
    retryable = False


class TurnIdReuse(DocentError):
    code = "turn_id_reuse"
    message = "This turn id was used for another question."
    retryable = False


class ConversationBusy(DocentError):
    code = "conversation_busy"
    message = "An answer is still being written in this conversation."


class IngestRunning(DocentError):
    code = "ingest_running"
    message = "The index is being brought up to date already. Ask again when that run is done."


class RateLimited(DocentError):
    code = "rate_limited"
    message = "That was too fast. Please wait a moment and try again."


class BudgetExhausted(DocentError):
    code = "budget_exhausted"
    message = "Today's questions are used up. Please come back tomorrow; the pages themselves are all there."


class Overloaded(DocentError):
    code = "overloaded"
    message = "Many readers are asking right now. Please try again in a moment."


class RetrievalUnavailable(DocentError):
    code = "retrieval_unavailable"
    message = "The search over this site is not available right now. Please try again later."


class ModelUnavailable(DocentError):
    code = "model_unavailable"
    message = "The language model is not available right now. Please try again later."


class StorageUnavailable(DocentError):
    code = "storage_unavailable"
    message = "Conversations cannot be stored right now. Please try again in a moment."


class Starting(DocentError):
    code = "starting"
    message = "The service is still starting. Please try again in a moment."


class DeadlineExceeded(DocentError):
    code = "deadline_exceeded"
    message = "The answer took too long. Please try again."


class SettingsError(Exception):
    """A malformed setting: names the variable and what to do, never its value."""


class EmbeddedEngineError(Exception):
    """An embedded engine cannot start or go on here: says why, and every way out."""


class SearchFault(Exception):
    """The index cannot be searched: says to the author why, and the remedy. `status` is health's word for it."""

    status = "disconnected"

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(f"{problem} {remedy}".rstrip())
        self.problem, self.remedy = problem, remedy


class ClusterSuspended(SearchFault):
    """The remote cluster is there and asleep."""

    status = "suspended"


class CollectionMissing(SearchFault):
    """No such collection, or nothing in it."""

    status = "missing_collection"


class FingerprintMismatch(SearchFault):
    """A collection was made with another model or configuration: names what differs and the remedy."""

    status = "mismatch"


class ModelFilesError(SettingsError):
    """The local model's files are absent or are not the pinned ones: names the file and what to do."""


class EvaluationError(Exception):
    """A question set that cannot be read, or an extra that is not installed: says which, and what to do."""


class TurnLost(DocentError):
    """Another process has taken the turn over, or it was erased: what this one has to say of it is not stored."""

    message = "The answer was interrupted. Please ask again."
