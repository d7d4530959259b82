// Curves of several experiments on one chart. A canvas names with `data-compare` a JSON block:
// {"series": [{"label", "color", "dashed", "points": [[epoch, seconds, value]]}], "percent": bool}.
// The form beside them decides what is drawn: by epoch or by time, smoothed or as measured.
import { options, palette } from "./charts.js";
import { duration, onElements, readJson } from "./dom.js";

const KEPT = 0.6; // share of the past in an exponential moving average
const charts = new Map();

function chosen() {
  const form = document.getElementById("curve-options");
  return { time: form?.elements.x.value === "time", smooth: Boolean(form?.elements.smooth.checked) };
}

/** An exponential moving average that starts at the first value, not at zero. */
function smoothed(values) {
  let mean;
  return values.map((value) => (mean = mean === undefined ? value : KEPT * mean + (1 - KEPT) * value));
}

function line(series, colors, { time, smooth }) {
  const values = series.points.map((point) => point[2]);
  const shown = smooth ? smoothed(values) : values;
  return {
    label: series.label,
    data: series.points.map(([epoch, seconds], at) => ({ x: time ? seconds : epoch, y: shown[at] })),
    borderColor: colors.series[series.color],
    backgroundColor: colors.series[series.color],
    borderDash: series.dashed ? [5, 4] : [],
    borderWidth: 1.75,
    pointRadius: series.points.length < 2 ? 3 : 0,
    pointHoverRadius: 4,
    pointHitRadius: 12,
    clip: 6,
  };
}

function draw(canvas) {
  charts.get(canvas)?.destroy();
  const spec = readJson(canvas.dataset.compare);
  const colors = palette(canvas);
  const wish = chosen();
  const settings = options({ ...spec, rows: [] }, colors);
  const ends = spec.series.flatMap(({ points }) => points.slice(-1).map(([epoch, seconds]) => (wish.time ? seconds : epoch)));
  Object.assign(settings.scales.x, { min: wish.time ? 0 : 1, max: Math.max(2, ...ends) });
  settings.interaction.mode = "nearest";
  settings.interaction.axis = "x";
  if (wish.time) {
    settings.scales.x.ticks.callback = (value) => duration(value);
    settings.plugins.tooltip.callbacks.title = (items) => duration(items[0].parsed.x);
  }
  const data = { datasets: spec.series.map((series) => line(series, colors, wish)) };
  charts.set(canvas, new window.Chart(canvas, { type: "line", data, options: settings }));
}

function redraw() {
  for (const canvas of [...charts.keys()]) {
    if (canvas.isConnected) draw(canvas);
    else {
      charts.get(canvas).destroy();
      charts.delete(canvas);
    }
  }
}

onElements("canvas[data-compare]", draw);
document.addEventListener("studio:theme", redraw);
document.addEventListener("change", (event) => event.target.closest("#curve-options") && redraw());
