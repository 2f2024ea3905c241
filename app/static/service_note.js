// One discreet line about the service: that it is still reading the pages, or that no language model is connected.

import { health } from "./api.js";

const STARTING = "Docent is still reading the pages. Answers may be missing until it is done.";
const EXTRACTIVE = "No language model is connected: answers are sentences from the pages.";
const AGAIN = 4_000; // ms between looks while the service starts

// `place` says something general as long as there is nothing to say.
export async function watchService(place, general = place.textContent) {
  const text = await note();
  place.textContent = text || general;
  if (text === STARTING) setTimeout(() => watchService(place, general), AGAIN);
}

async function note() {
  try {
    const { status, services } = await health();
    if (status === "starting") return STARTING;
    return services.local?.notes?.includes("extractive") ? EXTRACTIVE : "";
  } catch {
    return ""; // a note is not worth an alarm: a question will tell whether Docent can be reached
  }
}
