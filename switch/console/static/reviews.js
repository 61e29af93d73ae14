// Reviews by keys: j and k move, o opens; a button or field of a case with data-key or data-focus has a key of its own. Due times count down.
import { typing } from "./parts.js";

const cases = [...document.querySelectorAll(".case")];
let at = -1;

function go(to) {
  if (!cases.length) return;
  cases[at]?.removeAttribute("aria-current");
  at = Math.min(Math.max(to, 0), cases.length - 1);
  if (cases[at].tagName !== "TR") return;
  cases[at].setAttribute("aria-current", "true");
  cases[at].scrollIntoView({ block: "nearest" });
}

/** Where a field stands on the page of a case, by its key. */
const fields = { n: "#note", g: "#assignee" };

/** Press the button that has this key in the case, or go to the field that has it, on the page of the case where this one has none. */
function act(key) {
  const one = cases[at];
  if (!one || !/^[a-z]$/.test(key)) return false;
  const button = one.querySelector(`[data-key=${key}]`);
  const field = one.querySelector(`[data-focus=${key}]`);
  if (button) button.click();
  else if (field) field.focus();
  else if (fields[key] && one.dataset.work) location.href = one.dataset.work + fields[key];
  else return false;
  return true;
}

const keys = {
  j: () => go(at + 1),
  k: () => go(at - 1),
  o: () => { if (cases[at]) location.href = cases[at].dataset.href; },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (keys[event.key]) keys[event.key]();
  else if (!act(event.key)) return;
  event.preventDefault();
});

const MINUTE = 60000;
const DAY_MINUTES = 1440;

function left(until) {
  const minutes = Math.round((until - Date.now()) / MINUTE);
  if (minutes <= 0) return "now";
  if (minutes >= 2 * DAY_MINUTES) return `in ${Math.floor(minutes / DAY_MINUTES)} days`;
  return minutes < 60 ? `in ${minutes} min` : `in ${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function count() {
  for (const due of document.querySelectorAll("[data-due]")) {
    due.title ||= due.dataset.due;
    due.textContent = left(Date.parse(due.dataset.due));
  }
}

count();
setInterval(count, MINUTE / 2);
go(location.hash ? cases.findIndex((each) => `#${each.id}` === location.hash) : 0);
if (Object.values(fields).includes(location.hash)) document.querySelector(location.hash)?.focus();
