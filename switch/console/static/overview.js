// Rates and recent latencies of the overview: differences of what the switch has counted between two looks at it.

import { refresh } from "./parts.js";

const KEPT_S = 180;
const MS = 1000;
const seen = [];
const charts = {};
let before = null;

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const sum = (values) => values.reduce((all, one) => all + one, 0);
const read = () => JSON.parse(document.getElementById("figures").textContent);

function written(seconds) {
  if (seconds === null) return "—";
  const ms = seconds * MS;
  if (seconds >= 1) return `${seconds.toFixed(1)} s`;
  return `${ms.toFixed(ms < 1 ? 2 : ms < 10 ? 1 : 0)} ms`;
}

/** The quantile of counts by upper bound, as the switch itself computes it. */
function quantile(bounds, counts, share) {
  const rank = share * sum(counts);
  if (!rank) return null;
  let below = 0;
  for (let i = 0; i < bounds.length; i++) {
    if (below + counts[i] >= rank) {
      const low = i ? bounds[i - 1] : 0;
      return low + ((bounds[i] - low) * (rank - below)) / counts[i];
    }
    below += counts[i];
  }
  return bounds.at(-1);
}

/** What happened between two looks at the same process; null when there is nothing to compare with. */
function between(old, now) {
  if (old === null || old.process !== now.process) return null;
  const seconds = (Date.parse(now.taken_at) - Date.parse(old.taken_at)) / MS;
  if (seconds <= 0) return null;
  const counts = now.steps.request.counts.map((count, i) => count - old.steps.request.counts[i]);
  return {
    at: Date.parse(now.taken_at) / MS,
    rate: (sum(Object.values(now.results)) - sum(Object.values(old.results))) / seconds,
    p50: quantile(now.bounds_s, counts, 0.5),
    p99: quantile(now.bounds_s, counts, 0.99),
  };
}

function show(point) {
  const rate = point.rate >= 100 ? Math.round(point.rate).toLocaleString("en").replaceAll(",", " ") : point.rate.toFixed(1);
  document.querySelector("[data-rate=results]").textContent = rate;
  if (point.p50 !== null) {
    document.querySelector("[data-recent=p50]").textContent = written(point.p50);
    document.querySelector("[data-recent=p99]").textContent = written(point.p99);
  }
}

function made(id, series) {
  const place = document.getElementById(id);
  place.replaceChildren();
  const axis = { stroke: style("--muted"), grid: { stroke: style("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  return new uPlot({
    width: place.clientWidth,
    height: 190,
    legend: { show: false },
    padding: [8, 4, 0, 0],
    cursor: { y: false },
    scales: { y: { range: (_, low, high) => [0, Math.max(high * 1.15, 1)] } },
    axes: [{ ...axis, size: 30, space: 80, values: (_, ticks) => ticks.map((at) => new Date(at * MS).toISOString().slice(11, 19)) }, { ...axis, size: 46 }],
    series: [{}, ...series.map(({ label, color, fill }) => ({ label, stroke: style(color), fill: fill && style(fill), width: 2, points: { show: false }, spanGaps: true }))],
  }, [[], ...series.map(() => [])], place);
}

function draw() {
  if (seen.length < 2) return;
  charts.rate ??= made("rate-chart", [{ label: "Results a second", color: "--accent", fill: "--accent-soft" }]);
  charts.latency ??= made("latency-chart", [{ label: "median", color: "--good" }, { label: "p99", color: "--warn" }]);
  const at = seen.map((point) => point.at);
  const ms = (name) => seen.map((point) => point[name] === null ? null : point[name] * MS);
  charts.rate.setData([at, seen.map((point) => point.rate)]);
  charts.latency.setData([at, ms("p50"), ms("p99")]);
}

/** The newest payments are the viewer's own to see, so they are no part of what is sent to all: they are asked for when there are more. */
const NEWEST_EVERY_MS = 2000;
let counted = null;
let asking = false;
let asked = 0;

function askForNewest(now) {
  const results = sum(Object.values(now.results));
  if (results === counted || asking || Date.now() - asked < NEWEST_EVERY_MS) return;
  asking = true;
  asked = Date.now();
  refresh("/console/newest").then((well) => { if (well) counted = results; }, () => {}).finally(() => { asking = false; });
}

function look() {
  const now = read();
  askForNewest(now);
  const point = between(before, now);
  before = now;
  if (point !== null) seen.push(point);
  while (seen.length && seen[0].at < seen.at(-1).at - KEPT_S) seen.shift();
  if (seen.length) show(seen.at(-1));
  draw();
}

/** Colours are read when a chart is made, so another scheme or width needs another chart. */
function again() {
  for (const name of Object.keys(charts)) {
    charts[name].destroy();
    delete charts[name];
  }
  draw();
}

document.addEventListener("refreshed", look);
addEventListener("resize", again);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
look();
