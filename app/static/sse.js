// Server-sent events from a fetch body: EventSource can neither POST nor send a token.

const LINE_END = /\r\n|\n|\r/;

// Yields {type, data} per event, `data` parsed as JSON. `chunks` is any async iterable of bytes: an event, a line or a
// character may be cut anywhere between two of them.
export async function* eventsIn(chunks) {
  let event = blank();
  for await (const line of linesIn(chunks)) {
    if (line === "") {
      if (event.data.length) yield { type: event.type, data: JSON.parse(event.data.join("\n")) };
      event = blank();
      continue;
    }
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (field === "event") event.type = value;
    if (field === "data") event.data.push(value);
  }
}

function blank() {
  return { type: "message", data: [] };
}

async function* linesIn(chunks) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    const cut = rest.endsWith("\r") ? rest.length - 1 : rest.length; // its \n may be in the next chunk
    const lines = rest.slice(0, cut).split(LINE_END);
    rest = lines.pop() + rest.slice(cut);
    yield* lines;
  }
}
