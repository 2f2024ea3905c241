// The menu of earlier conversations, and of what can be erased. It is there only for a reader whom Docent knows.

import { conversations } from "./api.js";
import { conversationId, visitorToken } from "./keep.js";

export class EarlierMenu {
  constructor({ onChoose, onErase, onForget }) {
    this.button = document.getElementById("earlier");
    this.list = document.getElementById("earlier-list");
    this.eraseButton = document.getElementById("erase-conversation");
    this.onChoose = onChoose;
    this.offer(visitorToken.get() !== null);
    this.button.addEventListener("click", () => (this.list.hidden ? this.open() : this.show(false)));
    this.eraseButton.addEventListener("click", () => this.leaveFor(onErase));
    document.getElementById("forget-me").addEventListener("click", () => this.leaveFor(onForget));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.list.hidden) this.leaveFor(() => {});
    });
    document.addEventListener("click", (event) => {
      if (!event.target.closest(".menu")) this.show(false);
    });
  }

  offer(there) {
    this.button.hidden = !there;
  }

  async open() {
    this.list.querySelector("ul").replaceChildren(...(await this.entries()));
    this.eraseButton.hidden = conversationId.get() === null;
    this.show(true);
    this.list.querySelector("button:not([hidden])").focus({ preventScroll: true });
  }

  show(open) {
    this.list.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
  }

  // The focus goes back to where the menu was opened, also from a dialog that is opened now.
  leaveFor(next) {
    this.show(false);
    this.button.focus();
    next();
  }

  async entries() {
    try {
      const found = await conversations();
      return found.length ? found.map((entry) => this.entryOf(entry)) : [remark("No earlier conversations.")];
    } catch (error) {
      return [remark(error.message)];
    }
  }

  entryOf({ conversation_id: id, title, updated_at: updated }) {
    const button = document.createElement("button");
    button.type = "button";
    button.dir = "auto";
    button.textContent = title;
    button.title = new Date(updated).toLocaleString();
    if (id === conversationId.get()) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => {
      this.show(false);
      this.onChoose(id);
    });
    const item = document.createElement("li");
    item.append(button);
    return item;
  }
}

function remark(text) {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}
