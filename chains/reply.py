"""What the stages found, piece by piece -> the parts of a reply."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig

from chains import prompts
from chains.citations import CitationCounts, CitationStream
from chains.condense import readable
from chains.errors import ModelUnavailable
from chains.evidence import Evidence
from chains.language import language_of, said_in
from chains.output_filter import OutputFilter
from chains.quotes import Quotes
from chains.resilience import BLOCKED, TRUNCATED, finish_of
from chains.turn import Citation, Outcome, ReplyPart, Usage
from chains.turn_guard import CanaryWatch
from chains.untraced import StreamingStep

log = logging.getLogger(__name__)

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class ReplyWriter:
    """Takes what the stages add to the turn, in their order; gives the parts of the reply as early as they are known.

    The model's words pass the watch for the canary, the check of their citations, and the filter of what may leave, in
    this order: the filter sees what the reader will see. Without `defended` the first and the last let everything pass.

    Keys: `turn`, `guard`, `history`, `started` (of `time.perf_counter`), `query`, `candidates`, `passages`, `evidence`,
    `message` (whole or in chunks; a text stands for a message without details). Others are left aside. A message whose
    `response_metadata` has `restart` voids what the model said before it.
    """

    def __init__(self, model_name: str = "", *, defended: bool = True, counts: CitationCounts | None = None) -> None:
        self._counts = counts or CitationCounts()
        self._question, self._language = "", None
        self._started = time.perf_counter()
        self._timings = {"embed": 0.0, "retrieve": 0.0, "rerank": 0.0}
        self._evidence = Evidence(found=False, passages=[])
        self._defended = defended
        self._canary = ""
        self._watch = CanaryWatch("")
        self._citations = CitationStream(lambda n, sentence: None)
        self._filter = OutputFilter([])
        self._model = model_name
        self._usage = Usage(input_tokens=0, output_tokens=0)
        self._spent: Mapping[str, Any] = Usage(input_tokens=0, output_tokens=0)  # on the question
        self._finish = ""
        self._has_text = False

    def take(self, piece: Mapping[str, Any]) -> Iterator[ReplyPart]:
        for key, value in piece.items():
            match key:
                case "message":
                    yield from self._take_message(value)
                case "started" | "guard" | "turn":
                    self._note(key, value)
                case "history":
                    yield from [ReplyPart(stage="condensing")] if value else []
                case "query":
                    yield self._searching(value)
                case "candidates":
                    yield from [ReplyPart(stage="reranking")] if len(value) > 1 else []
                case "passages":
                    self._timings |= value[0].metadata.get("timings", {}) if value else {}
                case "evidence":
                    yield from self._take_evidence(value)

    def _note(self, key: str, value: Any) -> None:
        match key:
            case "started":
                self._started = value
            case "turn":
                self._question, self._language = value.question, value.language
            case _ if self._defended:
                self._canary = value.canary

    def finish(self) -> Iterator[ReplyPart]:
        """The end of the text, and the last part.

        Raises:
            ModelUnavailable: the model ended without a word and without saying that it refused.
        """
        yield from self._say(self._watch.close(), final=True)
        outcome = self._outcome()
        if not self._has_text and outcome is Outcome.BLOCKED:
            yield ReplyPart(answer=prompts.BLOCKED)
        elif not self._has_text and outcome is not Outcome.NO_EVIDENCE:
            raise ModelUnavailable
        yield self._last_part(outcome)

    def _searching(self, query: str) -> ReplyPart:
        self._spent = getattr(query, "usage", None) or self._spent
        rewritten = {"question": readable(query)} if query != self._question else {}
        return ReplyPart(stage="retrieving", **rewritten)

    def _take_evidence(self, evidence: Evidence) -> Iterator[ReplyPart]:
        self._evidence = evidence
        yield ReplyPart(sources=evidence.sources, grounded=evidence.found)
        if not evidence.found:
            yield ReplyPart(answer=self._excuse())
            return
        self._begin_text()
        yield ReplyPart(stage="writing")

    def _excuse(self) -> str:
        """Why there is no answer, in the question's language."""
        language = self._language or language_of(self._question)
        marked = any(passage.metadata.get("marked") for passage in self._evidence.passages)
        said = [prompts.NOT_IN_SELECTION_IN if marked else prompts.NO_EVIDENCE_IN]
        said += [prompts.NEAREST_IN] if self._evidence.nearest else []
        said += [prompts.ENGLISH_ONLY_IN] if self._evidence.unread else []
        return " ".join(said_in(each, language) for each in said)

    def _begin_text(self) -> None:
        language = self._language or language_of(self._question)
        quotes = Quotes([passage.page_content for passage in self._evidence.passages], language)
        self._watch = CanaryWatch(self._canary)
        self._citations = CitationStream(quotes.find, quotes.hold_facts)
        self._filter = OutputFilter(source["url"] for source in self._evidence.sources)
        self._has_text = False

    def _restart(self, reason: str) -> Iterator[ReplyPart]:
        self._begin_text()
        self._usage = Usage(input_tokens=0, output_tokens=0)
        self._finish = ""
        yield ReplyPart(restart=reason)

    def _take_message(self, message: BaseMessage | str) -> Iterator[ReplyPart]:
        if isinstance(message, BaseMessage):
            if reason := message.response_metadata.get("restart"):
                yield from self._restart(reason)
            self._take_details(message)
        text = _UNSTORABLE.sub("", message if isinstance(message, str) else message.text)
        if text and "first_token" not in self._timings:
            self._timings["first_token"] = self._elapsed()
        yield from self._say(self._watch.feed(text))

    def _say(self, text: str, *, final: bool = False) -> Iterator[ReplyPart]:
        if self._watch.found:
            yield from self._cut()
            return
        self._has_text = self._has_text or bool(text.strip())
        cited = self._citations.feed(text) + (self._citations.close() if final else "")
        if self._defended:
            cited = self._filter.feed(cited) + (self._filter.close() if final else "")
        if cited:
            yield ReplyPart(answer=cited)

    def _cut(self) -> Iterator[ReplyPart]:
        """The instructions are leaving: what was said so far is void, what follows is not said."""
        if self._has_text:
            log.warning("An answer was cut: it held the instructions that the model was given")
            yield ReplyPart(restart="blocked")
        found = self._watch
        self._begin_text()
        self._watch = found

    def _cited(self) -> list[Citation]:
        """Those whose marker left, where it is in the answer."""
        if not self._defended:
            return self._citations.citations
        placed = [(each, self._filter.place(each["start"], each["end"])) for each in self._citations.citations]
        return [Citation(**{**each, "start": at[0], "end": at[1]}) for each, at in placed if at]

    def _take_details(self, message: BaseMessage) -> None:
        if message.response_metadata:
            self._finish = finish_of(message) or self._finish
            self._model = message.response_metadata.get("model_name") or self._model
        usage = getattr(message, "usage_metadata", None)
        if usage:  # a provider sends it whole at the end, or in pieces that add up
            self._usage["input_tokens"] += usage["input_tokens"]
            self._usage["output_tokens"] += usage["output_tokens"]

    def _outcome(self) -> Outcome:
        if not self._evidence.found:
            return Outcome.NO_EVIDENCE
        if self._finish in BLOCKED or self._watch.found:
            return Outcome.BLOCKED
        return Outcome.TRUNCATED if self._finish in TRUNCATED else Outcome.ANSWERED

    def _last_part(self, outcome: Outcome) -> ReplyPart:
        total, citations = self._elapsed(), self._cited()
        self._counts.add(len(citations), self._citations.dropped)
        if self._citations.dropped:
            log.info("%d citations kept, %d dropped", len(citations), self._citations.dropped)
        timings = {"first_token": total} | self._timings | {"total": total}
        return ReplyPart(
            citations=citations,
            outcome=outcome,
            grounded=self._evidence.found and bool(citations),
            model=self._model if self._evidence.found else "",
            usage={name: spent + self._spent[name] for name, spent in self._usage.items()},
            timings={stage: round(milliseconds, 1) for stage, milliseconds in timings.items()},
        )

    def _elapsed(self) -> float:
        return (time.perf_counter() - self._started) * 1_000


def write_reply(
    model_name: str = "", *, defended: bool = True, counts: CitationCounts | None = None
) -> Runnable[dict[str, Any], ReplyPart]:
    """The last stage: pieces of what the stages found -> parts of a reply, text as soon as it may be shown.

    `model_name` is said when the model's messages name none. Without `defended` whatever the model says leaves: for the
    test that shows what the defences are for. `counts` are told of every answer's citations.
    """

    def write(pieces: Iterator[dict[str, Any]]) -> Iterator[ReplyPart]:
        writer = ReplyWriter(model_name, defended=defended, counts=counts)
        for piece in pieces:
            yield from writer.take(piece)
        yield from writer.finish()

    async def awrite(pieces: AsyncIterator[dict[str, Any]], config: RunnableConfig) -> AsyncGenerator[ReplyPart, None]:
        writer = ReplyWriter(model_name, defended=defended, counts=counts)
        async for piece in pieces:
            for part in writer.take(piece):
                yield part
        for part in writer.finish():
            yield part

    return StreamingStep(write, awrite)
