"""The faults of providers, of Qdrant and of Postgres that every release is held to, and what Docent makes of each."""

from __future__ import annotations

from typing import NamedTuple


class ListedFault(NamedTuple):
    """`outcome`: what its reader, its log and its health have of it."""

    fault: str
    outcome: str


FAULTS = {
    1: ListedFault(
        "A provider answers 500 once",
        "The other provider, or a second attempt, answers within the deadline. The reader sees nothing of it.",
    ),
    2: ListedFault(
        "A provider answers 429 with Retry-After",
        "It is left alone for as long as it asks; the other one answers meanwhile. No storm of retries.",
    ),
    3: ListedFault(
        "A provider refuses the key (401, 403)",
        "No retry; the other provider answers; health says `unavailable`. The key is never shown.",
    ),
    4: ListedFault(
        "A model hangs before the headers", "The other provider answers after the time for the first token."
    ),
    5: ListedFault("A model's first token takes 10 s", "The same."),
    6: ListedFault(
        "A model stalls after five tokens",
        "After the time between tokens the other one begins anew (`restart`); with nobody left, `error` with "
        "`partial: true`, and what was said is stored as partial.",
    ),
    7: ListedFault(
        "A model's connection is cut after five tokens", "The same. A cut answer never passes for a whole one."
    ),
    8: ListedFault("An event of the stream is not JSON", "The same. No stack trace reaches the reader."),
    9: ListedFault(
        "The answer is empty, blocked, or cut by its limit",
        "`blocked` and `truncated` are said in `done`; an empty answer is the other provider's turn.",
    ),
    10: ListedFault(
        "Gemini is down for long, Cohere is up, under load",
        "After five failures Gemini is left alone, but for one probe per cooldown of 5 s; every turn is answered; "
        "Gemini is used again by itself.",
    ),
    11: ListedFault(
        "All providers are down",
        "`error` with `retryable: true`; the question is stored, and the same `turn_id` is answered later.",
    ),
    12: ListedFault("A provider's address cannot be reached", "As 1."),
    13: ListedFault(
        "The embedding API is down",
        "`retrieval_unavailable`, which can be retried; never an answer without evidence.",
    ),
    14: ListedFault(
        "Qdrant refuses connections",
        "`retrieval_unavailable` at once, health `disconnected` (503); found again within 10 s of its return.",
    ),
    15: ListedFault(
        "Qdrant is slower than its share of the deadline",
        "`retrieval_unavailable` when that is over; turns that come meanwhile are not held up.",
    ),
    16: ListedFault("Qdrant accepts connections and says nothing", "The same; no connection stays behind."),
    17: ListedFault(
        "Nothing is found; the collection is missing, or has other vectors",
        "`no_evidence` without citations; `missing_collection` and `mismatch` in health from the start, with the "
        "remedy, and `retrieval_unavailable` for turns.",
    ),
    18: ListedFault(
        "Postgres refuses at the start",
        "The service starts, health says `disconnected`; tables are made once it answers.",
    ),
    21: ListedFault(
        "Postgres commits, and its answer is lost", "The statement is tried again and makes no second row."
    ),
    22: ListedFault(
        "Postgres wakes for 3 s, and the pool's sockets are dead",
        "The turn waits, connects once more, and is answered.",
    ),
    23: ListedFault(
        "PgBouncer pools by transaction",
        "Nothing is prepared in a session (`prepare_threshold=None`), and nothing is lost.",
    ),
    24: ListedFault(
        "All connections of the pool are taken", "`storage_unavailable` after a bounded wait, with a time to come back."
    ),
}
