// Moments as distances ("3 min ago"), and clocks that run while a job runs.
import { duration, onElements } from "./dom.js";

const STEPS = [
  [60, 1, "second"],
  [3600, 60, "minute"],
  [86400, 3600, "hour"],
  [2592000, 86400, "day"],
  [31536000, 2592000, "month"],
  [Infinity, 31536000, "year"],
];
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

function show(element) {
  const moment = new Date(element.dateTime);
  const seconds = (moment - Date.now()) / 1000;
  const [, unit, name] = STEPS.find(([limit]) => Math.abs(seconds) < limit);
  element.textContent = Math.abs(seconds) < 10 ? "just now" : words.format(Math.round(seconds / unit), name);
  element.title = moment.toLocaleString();
}

function tick(element) {
  element.textContent = duration((Date.now() - new Date(element.dataset.since)) / 1000);
}

onElements("time[data-relative]", show);
onElements("[data-since]", tick);
setInterval(() => document.querySelectorAll("[data-since]").forEach(tick), 1000);
setInterval(() => document.querySelectorAll("time[data-relative]").forEach(show), 30000);
