// Docent's doors, as the page uses them. Every failure is a Refusal: words for the reader, and whether a retry may help.

import { visitorToken } from "./keep.js";
import { eventsIn } from "./sse.js";

const SILENCE_LIMIT = 45_000; // ms; the service sends at least a comment every 15 s, so three were missed

const UNREACHABLE = { code: "unreachable", message: "Docent cannot be reached. Check your connection and try again.", retryable: true };
const CUT = { code: "cut", message: "The connection was lost before the answer was complete.", retryable: true };
const UNREADABLE = { code: "unreadable", message: "Something between you and Docent answered instead of it. Please try again.", retryable: true };

export class Refusal extends Error {
  constructor({ code, message, retryable, retry_after: retryAfter = 0 }) {
    super(message);
    Object.assign(this, { code, retryable, retryAfter });
  }
}

// The events of a turn, up to and including `done`. Throws a Refusal for an `error` event and for a cut stream.
export async function* ask(turn) {
  const response = await send("api/chat", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify(turn),
  });
  for await (const event of eventsIn(chunksOf(response.body))) {
    if (event.data.visitor_token) visitorToken.set(event.data.visitor_token);
    if (event.type === "error") throw new Refusal(event.data);
    yield event;
    if (event.type === "done") return;
  }
  throw new Refusal(CUT);
}

export async function conversation(id) {
  return (await send(`api/conversation/${encodeURIComponent(id)}`)).json();
}

export async function conversations() {
  return (await (await send("api/conversations")).json()).conversations;
}

// What is sent last counts.
export async function rate(feedback) {
  const headers = { "Content-Type": "application/json" };
  await send("api/feedback", { method: "POST", headers, body: JSON.stringify(feedback) });
}

// One that is gone already is as good as erased.
export async function eraseConversation(id) {
  await send(`api/conversation/${encodeURIComponent(id)}`, { method: "DELETE" }).catch((error) => {
    if (error.code !== "not_found") throw error;
  });
}

export async function eraseEverything() {
  await send("api/session", { method: "DELETE" });
}

// A report comes with 200 and with 503: both are read.
export async function health() {
  const response = await fetch("api/health", { cache: "no-store" });
  return response.json();
}

async function send(path, { headers, ...options } = {}) {
  const token = visitorToken.get();
  // Not `Authorization`: in front of a private Space that header belongs to the platform.
  const credentials = token ? { "X-Docent-Visitor": token } : {};
  const response = await fetch(path, { ...options, headers: { ...headers, ...credentials } }).catch(() => {
    throw new Refusal(UNREACHABLE);
  });
  if (!response.ok) throw await refusalOf(response);
  const made = response.headers.get("X-Docent-Visitor");
  if (made) visitorToken.set(made);
  return response;
}

async function refusalOf(response) {
  const body = await response.json().catch(() => UNREADABLE); // a proxy in between answers with its own page
  return new Refusal(typeof body.message === "string" ? body : UNREADABLE);
}

async function* chunksOf(body) {
  const reader = body.getReader();
  try {
    while (true) {
      const { done, value } = await withinLimit(reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {}); // already broken: nothing is left to close
  }
}

async function withinLimit(reading) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(reject, SILENCE_LIMIT);
  });
  try {
    return await Promise.race([reading, silence]);
  } catch {
    throw new Refusal(CUT);
  } finally {
    clearTimeout(timer);
  }
}
