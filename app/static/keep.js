// What the page keeps in this browser. Without cookies: Docent knows a reader by a token that the page sends itself.

const memory = new Map();

// A page in a frame of another site may be denied any storage; then things are kept until it is closed.
function storage(name) {
  try {
    return window[name];
  } catch {
    return { getItem: (key) => memory.get(key) ?? null, setItem: (key, value) => memory.set(key, value), removeItem: (key) => memory.delete(key) };
  }
}

function keeper(area, key) {
  return {
    get: () => JSON.parse(area.getItem(key) ?? "null"),
    set: (value) => area.setItem(key, JSON.stringify(value)),
    drop: () => area.removeItem(key),
  };
}

const browser = storage("localStorage");
const tab = storage("sessionStorage");

export const visitorToken = keeper(browser, "docent.visitor");
export const conversationId = keeper(browser, "docent.conversation");
// Per tab: the turn that was sent and has not ended, so that a reload in the middle of an answer goes on with it.
export const pendingTurn = keeper(tab, "docent.pending");

// crypto.randomUUID exists only on https and localhost; a phone that tries a laptop's address over http has neither.
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
