// What a reader has kept here can be erased: one conversation, or everything. Both are asked for once more.

import { Refusal } from "./api.js";

const NOT_ERASED = "Nothing was erased. Please try again.";

export class ErasureDialog {
  constructor(dialog) {
    this.dialog = dialog;
    this.part = (name) => dialog.querySelector(`.${name}`);
    this.part("keep").addEventListener("click", () => dialog.close());
    this.part("erase").addEventListener("click", () => this.erase());
    // Escape, while the request is on its way, would hide how it ended.
    dialog.addEventListener("cancel", (event) => this.busy && event.preventDefault());
  }

  // `onErase` does it, and raises what went wrong; `onErased` comes when the dialog is gone.
  ask({ title, text, action, onErase, onErased }) {
    Object.assign(this, { onErase, onErased });
    this.part("title").textContent = title;
    this.part("text").textContent = text;
    this.part("erase").textContent = action;
    this.fail("");
    this.hold(false);
    this.dialog.showModal();
    this.part("keep").focus(); // not by `autofocus`, which browsers complain of in a frame of another site
  }

  async erase() {
    this.fail("");
    this.hold(true);
    try {
      await this.onErase();
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      this.fail(error instanceof Refusal ? error.message : NOT_ERASED);
      return;
    } finally {
      this.hold(false);
    }
    this.dialog.close();
    this.onErased();
  }

  hold(busy) {
    this.busy = busy;
    for (const button of this.dialog.querySelectorAll("button")) button.disabled = busy;
  }

  fail(text) {
    this.part("problem").textContent = text;
    this.part("problem").hidden = !text;
  }
}
