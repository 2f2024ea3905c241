"""What can be made to go wrong. A fault is for one key, for the operations that match, for a number of calls."""

from __future__ import annotations

from fnmatch import fnmatchcase
from random import Random
from typing import Literal, TypeGuard

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from tests.provider_simulator.call import Quota

Kind = Literal[
    # Before the headers.
    "status",  # an error of the provider: `status`, `message`, `retry_after`, `quota`
    "retired_model",  # 404, as for a model that was shut down
    "hang",  # nothing comes, until the client leaves
    "delay",  # `seconds` before the headers, then the answer
    "disconnect",  # the connection is closed in order, without an answer
    "reset",  # the connection is reset
    "html",  # a gateway's page instead of JSON: `status`, 200 by default
    "empty_body",  # 200 and no byte
    # In a stream, after `after` tokens; not at all in a JSON answer, if not said.
    "slow_first_token",  # headers at once, then `seconds` of silence
    "stall",  # `seconds` of silence, else until the client leaves
    "cut",  # the connection is closed; a JSON answer loses its second half
    "half_event",  # half of an event, then the connection is closed
    "clean_end",  # the stream ends in order, without a finish reason
    "malformed",  # an event that is not JSON (`at_end`: the one with the finish reason); JSON answers too
    "error_event",  # the provider says in the stream that it failed: `status`
    "split_utf8",  # characters outside ASCII come in two TCP writes
    "wrong_content_type",  # a stream that is declared as JSON
    # In the model's answer.
    "safety",  # the model stops for safety after `after` tokens
    "finish",  # the model stops with `reason`, the provider's own word, after `after` tokens
    "max_tokens",  # the model stops at its limit after `after` tokens
    "blocked_prompt",  # the question is refused: `reason`
    "empty_answer",  # a complete answer without text
    "no_usage",  # an answer without counts of tokens
    # In vectors and ranks.
    "short_batch",  # one vector too few
    "wrong_dimensions",  # vectors of `dimensions`
    "bad_index",  # a rank for a document that was not sent
]


class Fault(BaseModel):
    """`operation` is a pattern as of the shell: "gemini.*", "*.embed", "cohere.chat_stream".

    `skip` lets that many matching calls pass first; `probability` draws by `seed`, call after call; `times` is how
    often the fault strikes, None for ever.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    operation: str = "*"
    times: int | None = Field(default=1, gt=0)
    skip: int = Field(default=0, ge=0)
    probability: float = Field(default=1, gt=0, le=1)
    seed: int = 0

    after: int = Field(default=5, ge=0)
    at_end: bool = False
    seconds: float | None = None
    status: int | None = None
    message: str | None = None
    retry_after: float | None = None
    quota: Quota | None = None
    reason: str | None = None
    dimensions: int = 7

    _random: Random = PrivateAttr()

    @model_validator(mode="after")
    def prepare(self) -> Fault:
        if self.kind == "status" and self.status is None:
            raise ValueError("a fault of kind `status` says which `status`")
        if self.kind in ("delay", "slow_first_token") and self.seconds is None:
            raise ValueError(f"a fault of kind `{self.kind}` says how many `seconds`")
        self._random = Random(self.seed)
        return self

    @property
    def over(self) -> bool:
        return self.times == 0

    def strikes(self, operation: str) -> bool:
        """Does it hit this call? Counts down."""
        if self.over or not fnmatchcase(operation, self.operation):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self._random.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True


def is_a(fault: Fault | None, *kinds: Kind) -> TypeGuard[Fault]:
    return fault is not None and fault.kind in kinds
