// Reviews by keys: j and k move, a approves, d declines, o opens. Due times count down.
import { typing } from "./console.js";

const cases = [...document.querySelectorAll("#cases .case")];
let at = -1;

function go(to) {
  if (!cases.length) return;
  cases[at]?.removeAttribute("aria-current");
  at = Math.min(Math.max(to, 0), cases.length - 1);
  cases[at].setAttribute("aria-current", "true");
  cases[at].scrollIntoView({ block: "nearest" });
}

const decide = (answer) => cases[at]?.querySelector(`button[data-answer=${answer}]`)?.click();
const keys = {
  j: () => go(at + 1),
  k: () => go(at - 1),
  a: () => decide("approve"),
  d: () => decide("decline"),
  o: () => { if (cases[at]) location.href = cases[at].dataset.href; },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

const MINUTE = 60000;

function left(until) {
  const minutes = Math.round((until - Date.now()) / MINUTE);
  if (minutes <= 0) return "now";
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
