// What a reader thinks of an answer: a thumb, and a remark if he likes. Both can be changed; the last word counts.

import { Refusal } from "./api.js";

const KEPT = "Thank you for your feedback.";
const REMARK_KEPT = "Thank you: your remark was kept.";
const NOT_KEPT = "Your feedback could not be kept. Please try again.";

export class Feedback {
  // `onRate` sends what is given, in the order of the clicks; `onSay` tells a screen reader.
  constructor(section, { onRate, onSay }) {
    Object.assign(this, { section, onRate, onSay });
    this.thumbs = [...section.querySelectorAll(".thumb")];
    this.remark = section.querySelector(".remark");
    this.field = this.remark.querySelector("input");
    this.said = section.querySelector(".said");
    this.sending = Promise.resolve();
    for (const thumb of this.thumbs) thumb.addEventListener("click", () => this.choose(thumb.dataset.rating));
    this.remark.addEventListener("submit", (event) => this.comment(event));
  }

  // `kept` is what was stored before, of a conversation that is read again.
  show(visible, kept = null) {
    this.section.hidden = !visible;
    this.kept = { rating: kept?.rating ?? null, comment: kept?.comment ?? "" };
    this.field.value = this.kept.comment;
    this.say("");
    this.press(this.kept.rating);
  }

  choose(rating) {
    if (rating === this.wanted) return;
    this.press(rating);
    this.send({ rating }, KEPT);
  }

  comment(event) {
    event.preventDefault();
    this.send({ rating: this.wanted, comment: this.field.value.trim() }, REMARK_KEPT);
  }

  // One after another: two clicks on their way at once could arrive in the wrong order.
  send(given, thanks) {
    const about = this.kept;
    this.sending = this.sending.then(async () => {
      const said = await this.attempt(given, thanks, about);
      if (about === this.kept) this.say(said);
    });
  }

  async attempt(given, thanks, about) {
    try {
      await this.onRate({ ...about, ...given });
      Object.assign(about, given);
      return thanks;
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      if (about === this.kept && this.wanted === given.rating) this.press(about.rating);
      return error.retryable ? error.message : NOT_KEPT;
    }
  }

  press(rating) {
    this.wanted = rating;
    for (const thumb of this.thumbs) thumb.setAttribute("aria-pressed", String(thumb.dataset.rating === rating));
    this.remark.hidden = rating === null;
  }

  say(text) {
    this.said.textContent = text;
    this.said.hidden = !text;
    if (text) this.onSay(text);
  }
}
