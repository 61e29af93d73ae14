// What every page has: parts that keep themselves new, keys, buttons that copy. Pages work without it.

import { refresh, take, typing } from "./parts.js";

const stale = (is) => document.body.classList.toggle("stale", is);

/** Again and again while the page is looked at; ever more slowly while the switch does not answer. */
function keepFresh(everyMs) {
  let pause = everyMs;
  const next = async () => {
    if (!document.hidden) {
      const well = await refresh().catch(() => false);
      pause = well ? everyMs : Math.min(pause * 2, 30000);
      stale(!well);
    }
    setTimeout(next, pause);
  };
  setTimeout(next, everyMs);
}

/** Take parts from a stream of events while the page is looked at; where there is none to be had, ask for the page again and again. */
function follow(url, everyMs) {
  let source = null;
  const open = () => {
    source = new EventSource(url);
    source.addEventListener("figures", (event) => {
      const state = JSON.parse(event.data);
      document.getElementById("figures").textContent = JSON.stringify(state.figures);
      take(state.html);
      stale(false);
      document.dispatchEvent(new CustomEvent("refreshed"));
    });
    source.addEventListener("unavailable", () => stale(true));
    source.addEventListener("error", () => {
      stale(true);
      if (source.readyState !== EventSource.CLOSED) return;
      document.removeEventListener("visibilitychange", look);
      keepFresh(everyMs);
    });
  };
  const look = () => {
    if (document.hidden) source?.close();
    else open();
  };
  document.addEventListener("visibilitychange", look);
  if (!document.hidden) open();
}

const main = document.getElementById("main");
if (main?.dataset.stream && "EventSource" in window) follow(main.dataset.stream, Number(main.dataset.refresh));
else if (main?.dataset.refresh) keepFresh(Number(main.dataset.refresh));

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  event.preventDefault();
  document.getElementById("find")?.select();
});

if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copy]")) button.hidden = false;
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

for (const form of document.querySelectorAll("form[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    if (!confirm(form.dataset.confirm)) event.preventDefault();
  });
}
