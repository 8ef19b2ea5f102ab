/* Keeps the parts marked data-live up to date while something in them is unsettled: fetches the
   page again and puts in what has changed. Without it a reload does the same. */
"use strict";

const PAUSE = 1000; // Milliseconds.

async function refresh() {
  const response = await fetch(location.href);
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (fresh && fresh.innerHTML !== part.innerHTML) part.replaceChildren(...fresh.childNodes);
  }
}

async function watch() {
  const again = document.querySelector("[data-live] [data-unsettled]");
  await refresh().catch(() => {}); // The server is away: the next look may find it.
  if (again) setTimeout(watch, PAUSE); // Once more after the end, for what came with it.
}

setTimeout(watch, PAUSE);
