// The page's one EventSource. Every event becomes a DOM event (`studio:job`, `studio:progress`, `studio:epoch`,
// `studio:log`) that htmx triggers and other modules listen to; progress and log lines are also written into the
// elements that ask for them by attribute.
import { duration } from "./dom.js";

const NAMES = ["job", "progress", "epoch", "log", "telemetry"];
const FINAL = ["succeeded", "failed", "cancelled"];
const PATIENCE_MS = 2500;
const MAX_LOG_LINES = 2000;
const KEPT_TRANSITIONS = 100;
const seen = new Map();
const transitions = [];
const started = new WeakMap();

/** Whether an event is new. A replay after a reconnect overlaps with what was heard before. */
function fresh({ job_id: job, seq }) {
  if (seq <= (seen.get(job) ?? 0)) return false;
  seen.set(job, seq);
  return true;
}

function heard(name, text) {
  const event = JSON.parse(text);
  if (!fresh(event)) return;
  const detail = { ...event, final: name === "job" && FINAL.includes(event.data.status) };
  if (name === "progress") showProgress(event);
  if (name === "log" && new Date(event.at).getTime() >= rendered()) showLog(event);
  if (name === "job") transitions.push({ detail, at: Date.now() });
  dispatch(name, detail);
}

function dispatch(name, detail) {
  document.dispatchEvent(new CustomEvent(`studio:${name}`, { detail }));
}

// What htmx brings may be older than news that came while it was on its way, and nothing on the page listened for
// that job yet. Such transitions are told again to what has arrived.
document.addEventListener("htmx:beforeSend", ({ detail }) => started.set(detail.xhr, Date.now()));
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const since = started.get(detail.xhr);
  if (since === undefined) return;
  started.delete(detail.xhr);
  const missed = transitions.filter(({ at }) => at >= since);
  transitions.splice(0, Math.max(0, transitions.length - KEPT_TRANSITIONS));
  for (const { detail: news } of missed) dispatch("job", news);
});

function fields(progress) {
  const { done, total, unit, rate, eta_s: eta } = progress;
  const count = total ? `${format(done)} / ${format(total)}` : format(done);
  return {
    phase: progress.phase,
    message: progress.message,
    count: `${count} ${unit}`.trim(),
    percent: total ? `${Math.floor((100 * done) / total)} %` : "",
    rate: rate ? `${rate >= 10 ? Math.round(rate) : rate.toFixed(1)} ${unit}/s` : "",
    eta: eta === null || eta === undefined ? "" : `${duration(eta)} left`,
  };
}

function format(number) {
  return Number.isInteger(number) ? number.toLocaleString("en") : number.toFixed(1);
}

function showProgress({ job_id: job, data }) {
  for (const holder of document.querySelectorAll(`[data-job-progress="${job}"]`)) {
    const texts = fields(data);
    for (const part of holder.querySelectorAll("[data-part]")) part.textContent = texts[part.dataset.part];
    const bar = holder.querySelector('[role="progressbar"]');
    if (!bar) continue;
    bar.toggleAttribute("data-unknown", !data.total);
    const share = data.total ? Math.min(1, data.done / data.total) : 0;
    bar.style.setProperty("--value", share);
    if (data.total) bar.setAttribute("aria-valuenow", Math.round(share * 100));
    else bar.removeAttribute("aria-valuenow");
  }
}

function showLog({ job_id: job, data }) {
  for (const log of document.querySelectorAll(`[data-job-log="${job}"]`)) {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
    const lines = log.textContent.split("\n").filter((line, at, all) => line || at < all.length - 1);
    log.textContent = [...lines, ...data.lines].slice(-MAX_LOG_LINES).join("\n") + "\n";
    if (atEnd) log.scrollTop = log.scrollHeight;
  }
}

/** The moment the page was rendered. A replay may begin a little earlier, and the page has those lines already. */
function rendered() {
  const { content } = document.querySelector('meta[name="studio-events"]');
  return Number(new URL(content, location.href).searchParams.get("after"));
}

function connect() {
  const url = document.querySelector('meta[name="studio-events"]')?.content;
  if (!url) return;
  const source = new EventSource(url);
  let waiting;
  source.addEventListener("open", () => {
    clearTimeout(waiting);
    waiting = undefined;
    connection(true);
  });
  source.addEventListener("error", () => {
    // The server ends each connection now and then; only a gap that lasts is worth a word.
    waiting ??= setTimeout(() => connection(false), PATIENCE_MS);
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, PATIENCE_MS);
  });
  for (const name of NAMES) source.addEventListener(name, (event) => heard(name, event.data));
  addEventListener("pagehide", () => source.close(), { once: true });
}

function connection(up) {
  document.documentElement.dataset.live = up ? "yes" : "no";
  for (const sign of document.querySelectorAll("[data-connection]")) sign.hidden = up;
}

addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
connect();
