// What scripts of pages share. It does nothing by itself: whoever loads it, under whatever name, changes nothing.

/** Whether a key is typed into something. */
export const typing = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

/** Take the parts marked data-live from the text of a page; a part in which somebody is busy stays. */
export function take(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (other && !part.contains(document.activeElement)) part.replaceWith(document.adoptNode(other));
  }
}

/** Take them from a page as it is now, this one unless another is named. */
export async function refresh(url = location.href) {
  const answer = await fetch(url, { headers: { Accept: "text/html" }, redirect: "manual" });
  if (!answer.ok) return false;
  take(await answer.text());
  document.dispatchEvent(new CustomEvent("refreshed"));
  return true;
}
