// What every page has: parts that keep themselves new, keys, buttons that copy. Pages work without it.

const typing = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

/** Take the parts marked data-live from the page as it is now; a part in which somebody is busy stays. */
async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual" });
  if (!answer.ok) return false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (other && !part.contains(document.activeElement)) part.replaceWith(document.adoptNode(other));
  }
  document.dispatchEvent(new CustomEvent("refreshed"));
  return true;
}

/** Again and again while the page is looked at; ever more slowly while the switch does not answer. */
function keepFresh(everyMs) {
  let pause = everyMs;
  const next = async () => {
    if (!document.hidden) {
      const well = await refresh().catch(() => false);
      pause = well ? everyMs : Math.min(pause * 2, 30000);
      document.body.classList.toggle("stale", !well);
    }
    setTimeout(next, pause);
  };
  setTimeout(next, everyMs);
}

const main = document.getElementById("main");
if (main?.dataset.refresh) keepFresh(Number(main.dataset.refresh));

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

export { typing };
