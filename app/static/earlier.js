// The menu of earlier conversations. It is there only for a reader who has some.

import { conversations } from "./api.js";
import { conversationId, visitorToken } from "./keep.js";

export function listEarlier({ onChoose }) {
  const button = document.getElementById("earlier");
  const list = document.getElementById("earlier-list");
  const show = (open) => {
    list.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
  };

  button.hidden = visitorToken.get() === null;
  button.addEventListener("click", async () => {
    if (!list.hidden) return show(false);
    list.replaceChildren(...(await entries((id) => {
      show(false);
      onChoose(id);
    })));
    show(true);
    list.querySelector("button")?.focus({ preventScroll: true });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || list.hidden) return;
    show(false);
    button.focus();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".menu")) show(false);
  });
}

async function entries(onChoose) {
  try {
    const found = await conversations();
    return found.length ? found.map((entry) => entryOf(entry, onChoose)) : [remark("No earlier conversations.")];
  } catch (error) {
    return [remark(error.message)];
  }
}

function entryOf({ conversation_id: id, title, updated_at: updated }, onChoose) {
  const button = document.createElement("button");
  button.type = "button";
  button.dir = "auto";
  button.textContent = title;
  button.title = new Date(updated).toLocaleString();
  if (id === conversationId.get()) button.setAttribute("aria-current", "true");
  button.addEventListener("click", () => onChoose(id));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function remark(text) {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}
