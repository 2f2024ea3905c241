"""The faults of services, readers and the process that every release is held to, and what Docent makes of each."""

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
    19: ListedFault(
        "Postgres dies in mid-turn, or stays away",
        "The reader has his answer. Known and new conversations go on with `durability: buffered`, and are stored once "
        "and in order when it is back.",
    ),
    20: ListedFault(
        "Postgres is away and the buffer is full",
        "`storage_unavailable` for new turns; memory stays bounded.",
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
    25: ListedFault(
        "Two replicas write into one conversation at once",
        "One turn at a time (`conversation_busy` for the other one); both have one order, and none is lost.",
    ),
    26: ListedFault(
        "The same turn comes over two sockets at once", "One call of the model; both sockets get the same events."
    ),
    27: ListedFault("The same `turn_id` comes with other words", "409 `turn_id_reuse`."),
    28: ListedFault(
        "A reader drops in mid-answer and comes back",
        "Exactly what was missed, by `after`, `Last-Event-ID` or `resume`.",
    ),
    29: ListedFault(
        "A reader drops and does not come back",
        "After `RESUME_GRACE` the provider's call is ended, and what was told is stored as partial.",
    ),
    30: ListedFault(
        "A reader comes back at another replica", "The same as 28, from the journal in Postgres; no second turn."
    ),
    31: ListedFault(
        "A turn is stopped, at whichever replica, and read on", "It ends `cancelled`; who reads on gets what was told."
    ),
    32: ListedFault(
        "Fifty readers take their events very slowly",
        "They share the turn's log and have no buffers of their own; the others are answered as usual.",
    ),
    33: ListedFault(
        "A reader takes nothing and does not leave", "Let go after 20 s; the turn goes on, and can be resumed."
    ),
    34: ListedFault("A socket leaves pings unanswered", "Closed within twice the interval of 20 s."),
    35: ListedFault(
        "A message of 1 or 10 MB, or one that inflates",
        "Closed with 1009 before it is read. Compression is off: nothing inflates.",
    ),
    36: ListedFault("Ten thousand messages at once", "`rate_limited` some times, then closed with 1008."),
    37: ListedFault(
        "Malformed, binary, unknown and deeply nested frames",
        "An `error` event with a code; the socket stays. No stack trace anywhere.",
    ),
    38: ListedFault(
        "A page of a foreign or a `null` origin opens the WebSocket",
        "403 before the handshake. A program, which sends no origin, is let in.",
    ),
    39: ListedFault(
        "Thousands of idle sockets", "Under 35 KB of memory each; the others are answered as quickly as without them."
    ),
    40: ListedFault("A request arrives a byte at a time, or never", "Given up after about ten seconds."),
    41: ListedFault(
        "SIGTERM while fifty answers are being written",
        "Readiness is 503 at once, new turns are refused with `Retry-After`, those that run come to their end, exit 0.",
    ),
    42: ListedFault("SIGTERM twice", "What runs is stored as partial and told so, at once; exit 0."),
    43: ListedFault(
        "The process is killed in mid-turn",
        "The next start stores what was told as partial. A reader who has seen more gets `restart`, the stored text "
        "and `error`; the same `turn_id` runs again.",
    ),
    44: ListedFault(
        "Memory runs out under load",
        "From 85 % of the container's limit new turns get 503 `overloaded` and new sockets 1013; the rest goes on.",
    ),
    45: ListedFault(
        "A long computation, such as embedding", "Runs in threads; liveness and other readers are answered meanwhile."
    ),
    46: ListedFault(
        "Three times more turns than it can take",
        "As many answers as without the others, and 503 with `Retry-After` at once for the rest.",
    ),
    47: ListedFault(
        "The clock jumps by an hour",
        "Nothing: waits are measured by a clock that cannot jump, and tokens from the future are ours, too.",
    ),
    48: ListedFault("The disk of the log is full", "The service goes on without a log."),
    49: ListedFault(
        "A setting is malformed", "Exit 2 at once, with the variable's name and what to do, and without its value."
    ),
    50: ListedFault(
        "Pages are indexed again while readers ask", "No question finds nothing; the new pages are found when it ends."
    ),
}
