// The numbered sources below an answer: cited ones in view, the others a click away.

const ABSOLUTE = /^https?:\/\//i;

export class SourceList {
  constructor(section) {
    this.section = section;
    this.heading = section.querySelector("h3");
    this.shown = section.querySelector(".shown");
    this.more = section.querySelector("details");
  }

  // Without `cited` (the answer is still being written) all are in view.
  show(sources, { nearest = false, cited = new Set() }) {
    const split = !nearest && cited.size > 0;
    const first = split ? sources.filter((source) => cited.has(source.n)) : sources;
    const rest = split ? sources.filter((source) => !cited.has(source.n)) : [];
    this.section.hidden = sources.length === 0;
    this.heading.textContent = nearest ? "Nearest sections" : "Sources";
    this.shown.replaceChildren(...first.map(sourceItem));
    this.more.hidden = rest.length === 0;
    this.more.querySelector("summary").textContent = rest.length === 1 ? "1 more passage found" : `${rest.length} more passages found`;
    this.more.querySelector("ol").replaceChildren(...rest.map(sourceItem));
  }
}

// Brings a source into view and shows the sentence that supports the marker.
export function showSource(turn, n, quote) {
  const item = turn.querySelector(`.source[data-n="${n}"]`);
  item.closest("details")?.setAttribute("open", "");
  for (const other of turn.querySelectorAll(".source.chosen")) other.classList.remove("chosen");
  item.classList.add("chosen");
  const place = item.querySelector(".quote");
  place.textContent = quote;
  place.hidden = false;
  item.querySelector(".snippet").hidden = true;
  item.focus({ preventScroll: true });
  item.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

function sourceItem(source) {
  const item = document.getElementById("source-template").content.cloneNode(true).firstElementChild;
  const fill = (name, text) => (item.querySelector(`.${name}`).textContent = text);
  item.dataset.n = source.n;
  fill("number", source.n);
  fill("snippet", source.snippet);
  fill("path", below(source).join(" › "));
  item.querySelector(".title").append(titleOf(source));
  if (!ABSOLUTE.test(source.url)) {
    fill("place", source.url); // without a site's address there is nothing to link to
    item.querySelector(".place").hidden = false;
  }
  return item;
}

function titleOf({ title, url }) {
  if (!ABSOLUTE.test(url)) return title;
  const link = document.createElement("a");
  link.href = url;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  link.textContent = title;
  return link;
}

// The heading path without its first step, which is the page's title again.
function below({ heading, title }) {
  const steps = heading.split(" > ");
  return steps[0] === title ? steps.slice(1) : steps;
}
