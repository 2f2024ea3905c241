// The field that a question is typed into.

const LIMIT = 4_000; // characters, as the service counts them: code points
const WARN_FROM = 3_600;

export class Composer {
  constructor(form, onAsk) {
    this.field = form.querySelector("textarea");
    this.button = form.querySelector("button");
    this.length = document.getElementById("length");
    this.onAsk = onAsk;
    this.busy = false;
    form.addEventListener("submit", (event) => this.submit(event));
    this.field.addEventListener("input", () => this.refresh());
    this.field.addEventListener("keydown", (event) => {
      // While an input method composes a word, Enter chooses it.
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.submit(event);
    });
    this.refresh(); // a browser may have kept what was typed before a reload
  }

  submit(event) {
    event.preventDefault();
    if (this.button.disabled) return;
    const question = this.field.value.trim();
    this.write("");
    this.onAsk(question);
  }

  // While a turn runs the next question can be typed, not sent.
  hold() {
    this.busy = true;
    this.refresh();
  }

  release() {
    this.busy = false;
    this.refresh();
  }

  // A question that was refused for good goes back to where it can be changed, unless another was begun.
  giveBack(question) {
    if (!this.field.value) this.write(question);
  }

  // Not on a touch screen, where the keyboard would cover what was just opened.
  focus() {
    if (matchMedia("(hover: hover)").matches) this.field.focus({ preventScroll: true });
  }

  write(text) {
    this.field.value = text;
    this.refresh();
  }

  refresh() {
    const used = [...this.field.value.trim()].length;
    this.button.disabled = this.busy || used === 0 || used > LIMIT;
    this.length.hidden = used < WARN_FROM;
    this.length.textContent = `${used.toLocaleString("en")} of ${LIMIT.toLocaleString("en")} characters. `;
    this.length.classList.toggle("over", used > LIMIT);
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }
}
