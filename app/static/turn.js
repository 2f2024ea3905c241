// One turn on the page: the question, what is being done, the answer, its sources, and what went wrong.

import { Feedback } from "./feedback.js";
import { renderAnswer } from "./markdown.js";
import { showSource, SourceList } from "./sources.js";

const STAGES = { condensing: "Reading your question…", retrieving: "Searching…", reranking: "Choosing the best passages…", writing: "Writing…" };
const NOTICES = {
  truncated: "The answer ended at its length limit.",
  blocked: "The language model declined to answer this.",
  cancelled: "The answer was stopped.",
};
const UNCHECKED = "No part of this answer could be checked against the pages.";
const NOT_FOUND = "Not found on these pages";

export class TurnView {
  constructor(question, { onRetry, onRate, onSay }) {
    const copy = document.getElementById("turn-template").content.cloneNode(true);
    this.element = copy.firstElementChild;
    this.part = (name) => this.element.querySelector(`.${name}`);
    this.part("question").textContent = question;
    this.part("retry").addEventListener("click", onRetry);
    this.part("answer").addEventListener("click", (event) => this.openSource(event.target.closest(".marker")));
    this.sources = new SourceList(this.part("sources"));
    this.feedback = new Feedback(this.part("feedback"), { onRate, onSay });
    this.clear();
  }

  // Back to a question alone: when it is asked, and when it is asked again.
  clear() {
    this.reply = { answer: "", sources: [], citations: [] };
    this.sources.show([], {});
    this.feedback.show(false);
    this.part("answer").replaceChildren();
    for (const name of ["verdict", "notice", "failure", "stage"]) this.part(name).hidden = true;
    clearInterval(this.countdown);
  }

  wait(text = "Searching…") {
    this.part("stage-text").textContent = text;
    this.part("stage").hidden = false;
  }

  // Returns what a screen reader should hear, if anything.
  take({ type, data }) {
    switch (type) {
      case "status":
        this.wait(STAGES[data.stage]);
        return STAGES[data.stage];
      case "sources":
        this.reply.sources = data.sources;
        this.reply.grounded = data.grounded;
        this.sources.show(data.sources, { nearest: !data.grounded });
        return null;
      case "token":
        this.reply.answer += data.text;
        this.paintSoon();
        return null;
      case "restart":
        this.clear();
        this.wait();
        return null;
      case "done":
        this.finish({ ...this.reply, ...data });
        return this.spoken();
      default:
        return null;
    }
  }

  // A whole reply: the end of a stream, or one that was stored.
  finish(reply) {
    this.reply = { answer: "", sources: [], citations: [], ...reply };
    const { outcome, grounded, sources, citations } = this.reply;
    this.part("stage").hidden = true;
    this.paint();
    const nearest = outcome === "no_evidence";
    this.tell("verdict", nearest ? NOT_FOUND : "");
    this.tell("notice", NOTICES[outcome] ?? (outcome === "answered" && !grounded ? UNCHECKED : ""));
    this.sources.show(sources, { nearest, cited: new Set(citations.map((citation) => citation.n)) });
    this.feedback.show(outcome !== "failed", this.reply.feedback);
  }

  // `reply`: what a stored turn had before it failed; of a live one it is here already.
  fail({ message, retryable, retryAfter = 0 }, reply = this.reply) {
    this.finish({ ...reply, outcome: "failed" });
    this.part("failure").hidden = false;
    this.part("failure").querySelector("p").textContent = message;
    this.part("retry").hidden = !retryable;
    this.holdBack(this.part("retry"), retryAfter);
  }

  // The service said when to come back: until then the button counts the seconds.
  holdBack(button, seconds) {
    const until = Date.now() + seconds * 1000;
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      button.disabled = left > 0;
      button.textContent = left > 0 ? `Retry in ${left} s` : "Retry";
      if (left <= 0) clearInterval(this.countdown);
    };
    this.countdown = setInterval(tick, 500);
    tick();
  }

  tell(name, text) {
    this.part(name).textContent = text;
    this.part(name).hidden = !text;
  }

  paintSoon() {
    this.frame ??= requestAnimationFrame(() => this.paint());
  }

  // Only blocks that differ are replaced, so that a selection or a focus in the finished ones survives the next token.
  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = undefined;
    const answer = this.part("answer");
    const before = [...answer.children];
    const after = [...renderAnswer(this.reply.answer, this.reply.sources, this.reply.citations).children];
    after.forEach((block, index) => {
      if (!before[index]) answer.append(block);
      else if (!before[index].isEqualNode(block)) before[index].replaceWith(block);
    });
    before.slice(after.length).forEach((block) => block.remove());
    this.onPaint?.();
  }

  openSource(marker) {
    if (marker) showSource(this.element, Number(marker.dataset.n), marker.title);
  }

  spoken() {
    const count = this.reply.sources.length;
    return `${this.part("answer").textContent} ${count === 1 ? "One source." : `${count} sources.`}`;
  }
}
