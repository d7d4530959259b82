// Curves over epochs. A chart is a canvas whose `data-chart` names a JSON block:
// {"series": [{"key", "label"}], "rows": [{"epoch", <key>: number}], "percent": bool, "job": id or null, "total": n}.
// The server says what to draw; rows of running jobs arrive as `studio:epoch`.
import { cssColor, onElements, readJson } from "./dom.js";

const charts = new Map();

export function palette(canvas) {
  return {
    series: [1, 2, 3, 4, 5, 6].map((number) => cssColor(`--series-${number}`, canvas.parentElement)),
    grid: cssColor("--line", canvas.parentElement),
    text: cssColor("--text-3", canvas.parentElement),
    surface: cssColor("--overlay", canvas.parentElement),
    strong: cssColor("--text", canvas.parentElement),
  };
}

function points(spec, key) {
  return spec.rows.map((row) => ({ x: row.epoch, y: row[key] ?? null }));
}

function datasets(spec, colors) {
  return spec.series.map((series, at) => ({
    label: series.label,
    data: points(spec, series.key),
    borderColor: colors.series[series.color ?? at],
    backgroundColor: colors.series[series.color ?? at],
    borderDash: series.dashed ? [4, 3] : [],
    borderWidth: 1.75,
    pointRadius: spec.rows.length < 2 ? 3 : 0,
    pointHoverRadius: 4,
    pointHitRadius: 12,
    tension: 0.2,
    spanGaps: true,
    clip: 6,
  }));
}

function number(spec, value) {
  if (spec.percent) return `${(value * 100).toFixed(1)} %`;
  const small = Math.abs(value) < 0.01 && value !== 0;
  return small ? value.toExponential(2) : value.toFixed(value < 10 ? 3 : 1);
}

function axis(colors, extra) {
  return {
    border: { display: false },
    grid: { color: colors.grid, drawTicks: false },
    ...extra,
    ticks: { color: colors.text, font: { size: 11 }, padding: 6, maxRotation: 0, ...extra.ticks },
  };
}

export function options(spec, colors) {
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    interaction: { mode: "index", intersect: false },
    scales: {
      x: axis(colors, {
        type: "linear",
        min: 1,
        max: Math.max(spec.total ?? 1, spec.rows.length, 2),
        grid: { display: false },
        ticks: { precision: 0, maxTicksLimit: 8 },
      }),
      y: axis(colors, {
        beginAtZero: !spec.percent,
        ticks: { maxTicksLimit: 5, callback: (value) => (spec.percent ? `${+(value * 100).toFixed(2)}` : +value.toPrecision(3)) },
      }),
    },
    plugins: {
      legend: { display: false },
      tooltip: {
        backgroundColor: colors.surface,
        borderColor: colors.grid,
        borderWidth: 1,
        titleColor: colors.text,
        bodyColor: colors.strong,
        titleFont: { size: 11, weight: "500" },
        bodyFont: { size: 12 },
        padding: 8,
        boxWidth: 8,
        boxHeight: 8,
        boxPadding: 4,
        callbacks: {
          title: (items) => `Epoch ${items[0].parsed.x}`,
          label: (item) => ` ${item.dataset.label}  ${number(spec, item.parsed.y)}`,
        },
      },
    },
  };
}

function draw(canvas) {
  const spec = charts.get(canvas)?.spec ?? readJson(canvas.dataset.chart);
  charts.get(canvas)?.chart.destroy();
  const colors = palette(canvas);
  window.Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  const chart = new window.Chart(canvas, { type: "line", data: { datasets: datasets(spec, colors) }, options: options(spec, colors) });
  charts.set(canvas, { chart, spec });
}

function grow(event) {
  const { job_id: job, data } = event.detail;
  for (const [canvas, { chart, spec }] of charts) {
    if (!canvas.isConnected || spec.job !== job) continue;
    const row = { epoch: data.epoch, learning_rate: data.learning_rate, ...data.metrics };
    spec.rows = [...spec.rows.filter((known) => known.epoch < data.epoch), row];
    spec.series.forEach((series, at) => {
      chart.data.datasets[at].data = points(spec, series.key);
      chart.data.datasets[at].pointRadius = spec.rows.length < 2 ? 3 : 0;
    });
    chart.options.scales.x.max = Math.max(spec.total ?? 1, data.epoch, 2);
    chart.update("none");
    canvas.dataset.points = spec.rows.length;
    canvas.closest(".chart-box")?.querySelector("[data-chart-empty]")?.setAttribute("hidden", "");
  }
}

function forgetGone() {
  for (const [canvas, { chart }] of charts) {
    if (canvas.isConnected) continue;
    chart.destroy();
    charts.delete(canvas);
  }
}

onElements("canvas[data-chart]", draw);
document.addEventListener("htmx:load", forgetGone);
document.addEventListener("studio:epoch", grow);
document.addEventListener("studio:theme", () => [...charts.keys()].filter((canvas) => canvas.isConnected).forEach(draw));
