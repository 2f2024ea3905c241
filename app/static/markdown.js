// An answer's Markdown to elements. Nothing that the model wrote can run, load anything, or leave the allowed tags.

import MarkdownIt from "./vendor/markdown-it/markdown-it.esm.min.mjs";
import "./vendor/dompurify/purify.min.js";

const MARKER = /\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\](?![(:])/y;
const WORD_CHARACTER = /[\p{L}\p{N}\p{M}_]$/u;
const BLOCKS = "p, li, h3, h4, h5, h6, blockquote, th, td";

const ALLOWED = {
  ALLOWED_TAGS: [
    ..."p br hr strong em s code pre blockquote ul ol li a cite".split(" "),
    ..."h3 h4 h5 h6 table thead tbody tr th td".split(" "),
  ],
  ALLOWED_ATTR: ["href", "start", "data-n"],
  ADD_URI_SAFE_ATTR: ["start", "data-n"], // the pattern below is for addresses, but is tried on every other attribute
  ALLOW_DATA_ATTR: false,
  ALLOWED_URI_REGEXP: /^https?:\/\//i,
  RETURN_DOM_FRAGMENT: true,
};

const markdown = new MarkdownIt({ html: false, linkify: false });
markdown.disable("reference"); // `[1]: …` would turn every marker [1] into a link
markdown.inline.ruler.before("link", "citation", readMarker);
markdown.renderer.rules.citation = (tokens, index) => tokens[index].meta.map((n) => `<cite data-n="${n}"></cite>`).join("");
markdown.renderer.rules.image = (tokens, index) => markdown.utils.escapeHtml(tokens[index].content);
markdown.core.ruler.push("headings", (state) => {
  for (const token of state.tokens) if (token.type.startsWith("heading_")) token.tag = headingBelowQuestion(token.tag);
});

// `citations` may be empty while the answer is still being written: then a marker shows its source's snippet.
export function renderAnswer(text, sources, citations) {
  const known = new Map(sources.map((source) => [source.n, source]));
  const fragment = globalThis.DOMPurify.sanitize(markdown.render(text, { known }), ALLOWED);
  fragment.querySelectorAll(BLOCKS).forEach((block) => block.setAttribute("dir", "auto"));
  fragment.querySelectorAll("pre, code").forEach((block) => block.setAttribute("dir", "ltr"));
  const hosts = new Set([location.host, ...sources.map((source) => hostOf(source.url)).filter(Boolean)]);
  fragment.querySelectorAll("a").forEach((link) => openElsewhere(link, hosts));
  fragment.querySelectorAll("table, pre").forEach(letScroll);
  linkMarkers(fragment, known, citations);
  return fragment;
}

function readMarker(state, silent) {
  MARKER.lastIndex = state.pos;
  const match = MARKER.exec(state.src);
  if (!match || WORD_CHARACTER.test(state.src.slice(Math.max(0, state.pos - 2), state.pos))) return false;
  const numbers = match[1].split(",").map(Number);
  if (!numbers.every((n) => state.env.known.has(n))) return false;
  if (!silent) state.push("citation", "cite", 0).meta = numbers;
  state.pos += match[0].length;
  return true;
}

function headingBelowQuestion(tag) {
  return `h${Math.min(6, Number(tag[1]) + 2)}`;
}

// An answer may link to where its sources are. The service lets no other link out; if one came all the same, its words
// stay and lead nowhere.
function openElsewhere(link, hosts) {
  if (!hosts.has(hostOf(link.getAttribute("href")))) {
    link.replaceWith(...link.childNodes);
    return;
  }
  link.target = "_blank";
  link.rel = "noopener noreferrer";
}

function hostOf(address) {
  return URL.canParse(address) ? new URL(address).host : undefined;
}

function letScroll(block) {
  const frame = document.createElement("div");
  frame.className = "wide";
  frame.tabIndex = 0; // so that the arrow keys can scroll it
  block.replaceWith(frame);
  frame.append(block);
}

// The k-th marker of source n belongs to the k-th citation of n: both are in the order of the answer.
function linkMarkers(fragment, known, citations) {
  const waiting = new Map([...known.keys()].map((n) => [n, citations.filter((citation) => citation.n === n)]));
  for (const marker of fragment.querySelectorAll("cite")) {
    const n = Number(marker.dataset.n);
    keepOnLine(marker.previousSibling);
    marker.replaceWith(markerButton(known.get(n), waiting.get(n).shift()));
  }
}

// A marker belongs to the sentence before it: the line must not break between them.
function keepOnLine(before) {
  if (before?.nodeType === Node.TEXT_NODE) before.data = before.data.replace(/ $/, "\u00a0");
}

function markerButton(source, citation) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "marker";
  button.dataset.n = source.n;
  button.textContent = source.n;
  button.title = citation ? `“${citation.quote}”` : source.snippet;
  button.setAttribute("aria-label", `Source ${source.n}: ${source.title}`);
  return button;
}
