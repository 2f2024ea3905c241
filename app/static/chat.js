// The chat page: what is typed goes to /api/chat, what comes back goes to a TurnView.

import { ask, conversation, eraseConversation, eraseEverything, rate, Refusal } from "./api.js";
import { Composer } from "./composer.js";
import { conversationId, newId, pendingTurn, visitorToken } from "./keep.js";
import { EarlierMenu } from "./earlier.js";
import { ErasureDialog } from "./erasure.js";
import { watchService } from "./service_note.js";
import { TurnView } from "./turn.js";

const turns = document.getElementById("turns");
const welcome = document.getElementById("welcome");
const loading = document.getElementById("loading");
const pageFailure = document.getElementById("page-failure");
const announcer = document.getElementById("announcer");
const dock = document.querySelector(".dock");
const composer = new Composer(document.getElementById("composer"), (question) => begin({ question, turn_id: newId() }));
const INTERRUPTED = { message: "The answer was interrupted.", retryable: true };

let wanted; // the conversation that is open, or could not be
let opened = 0; // which opening is the latest: what still comes for an earlier one is dropped
let erasing = false; // a turn that finds its conversation gone is not to be asked in a new one

document.getElementById("fresh").addEventListener("click", () => leaveFor(null));
pageFailure.querySelector("button").addEventListener("click", () => open(wanted));
const erasure = new ErasureDialog(document.getElementById("erasure"));
const earlier = new EarlierMenu({ onChoose: leaveFor, onErase: askToErase, onForget: askToForget });
watchService(document.getElementById("service-note"));
open(conversationId.get());

function leaveFor(id) {
  pendingTurn.drop();
  conversationId.drop(); // set again once the chosen one was read
  open(id);
}

// Shows a stored conversation, or an empty page for none.
async function open(id) {
  const mine = ++opened;
  wanted = id;
  turns.replaceChildren();
  pageFailure.hidden = true;
  welcome.hidden = id !== null;
  loading.hidden = id === null;
  composer.release();
  try {
    const stored = id === null ? [] : await storedTurns(id);
    if (mine === opened) restore(stored);
  } catch (error) {
    if (mine === opened) failPage(asRefusal(error));
  } finally {
    loading.hidden = true;
  }
}

async function storedTurns(id) {
  try {
    const { messages } = await conversation(id);
    conversationId.set(id);
    return messages;
  } catch (error) {
    if (!forgetIfGone(error)) throw error;
    return [];
  }
}

function restore(stored) {
  for (const turn of stored) restoreTurn(turn);
  const pending = pendingTurn.get();
  if (pending && !stored.some((turn) => turn.turn_id === pending.turn_id)) begin(pending);
  welcome.hidden = turns.children.length > 0;
  if (stored.length && !pending) turns.lastElementChild.scrollIntoView({ block: "start" });
  composer.focus();
}

// A turn that still runs, perhaps for another tab, is joined by asking it again under its id.
function restoreTurn({ question, turn_id, state, ...reply }) {
  const turn = { question, turn_id, conversation_id: conversationId.get() };
  const view = addView(turn);
  if (state === "running" || pendingTurn.get()?.turn_id === turn_id) run(turn, view);
  else if (reply.outcome === "failed") view.fail(reply.error ?? INTERRUPTED, reply);
  else view.finish(reply);
}

function failPage({ message }) {
  pageFailure.querySelector("p").textContent = message;
  pageFailure.hidden = false;
}

function addView(turn) {
  const view = new TurnView(turn.question, {
    onRetry: () => run(turn, view),
    onRate: (feedback) => rate({ turn_id: turn.turn_id, ...feedback }),
    onSay: announce,
  });
  turns.append(view.element);
  return view;
}

function begin(turn) {
  welcome.hidden = true;
  turn.conversation_id ??= conversationId.get() ?? undefined;
  const view = addView(turn);
  for (const other of turns.children) other.classList.toggle("current", other === view.element);
  view.element.scrollIntoView({ block: "start" });
  return run(turn, view);
}

// Asks, and asks again under the same turn id: Docent then replays, joins or repeats the turn, and never makes two.
async function run(turn, view) {
  const mine = opened;
  composer.hold();
  pendingTurn.set(turn);
  view.clear();
  view.wait();
  view.onPaint = follower(view);
  try {
    await follow(turn, view, mine);
  } catch (error) {
    if (mine === opened) failTurn(turn, view, asRefusal(error));
  } finally {
    if (mine === opened) composer.release();
  }
}

async function follow(turn, view, mine, again = true) {
  try {
    for await (const event of ask(turn)) {
      if (mine !== opened) return; // another conversation is open; this turn is stored and found in its own
      if (event.type === "accepted") accept(turn, event.data);
      announce(view.take(event));
    }
    pendingTurn.drop();
  } catch (error) {
    if (!again || erasing || mine !== opened || !forgetIfGone(error)) throw error;
    Object.assign(turn, { turn_id: newId(), conversation_id: undefined });
    await follow(turn, view, mine, false);
  }
}

function accept(turn, { conversation_id, turn_id }) {
  Object.assign(turn, { conversation_id, turn_id });
  conversationId.set(conversation_id);
  pendingTurn.set(turn);
  earlier.offer(true);
}

function failTurn(turn, view, refusal) {
  view.fail(refusal);
  announce(refusal.message);
  if (refusal.retryable) return; // a reload will try again too
  pendingTurn.drop();
  composer.giveBack(turn.question);
}

// A token that is refused, or a conversation that is no more: the reader starts anew without noticing.
function forgetIfGone(error) {
  if (error.code === "unauthorized") visitorToken.drop();
  const gone = ["unauthorized", "not_found"].includes(error.code);
  if (gone) conversationId.drop();
  return gone;
}

function askToErase() {
  const id = conversationId.get();
  erasure.ask({
    title: "Delete this conversation?",
    text: "Its questions, its answers and your feedback on them will be erased. This cannot be undone.",
    action: "Delete",
    onErase: () => whileErasing(eraseConversation(id)),
    onErased: () => leaveErased("The conversation was deleted."),
  });
}

function askToForget() {
  erasure.ask({
    title: "Forget me?",
    text: "All your conversations and everything else that is stored about you will be erased. This cannot be undone.",
    action: "Forget me",
    onErase: () => whileErasing(eraseEverything()),
    onErased: () => {
      visitorToken.drop();
      earlier.offer(false);
      leaveErased("Everything was erased.");
    },
  });
}

async function whileErasing(request) {
  erasing = true;
  try {
    await request;
  } finally {
    erasing = false;
  }
}

function leaveErased(said) {
  leaveFor(null);
  announce(said);
}

// Scrolls on with the answer only while its end is in view, that is, while the reader has not left it.
function follower(view) {
  const end = () => view.part("answer").getBoundingClientRect().bottom - dock.getBoundingClientRect().top;
  let before = end();
  return () => {
    const after = end();
    if (before <= 24 && after > 0) window.scrollBy(0, after + 16);
    before = end();
  };
}

function announce(text) {
  if (text) announcer.textContent = text;
}

// A defect of the page itself is said calmly too, and left for the console.
function asRefusal(error) {
  if (error instanceof Refusal) return error;
  console.error(error);
  return new Refusal({ code: "page", message: "Something went wrong on this page. Please try again.", retryable: true });
}
