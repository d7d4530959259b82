// Draws shape records of the server over an image. Truth is dashed, predictions are solid; roles and classes can be
// switched, and a slider hides what scores lower. A holder is `[data-overlay]`:
// {"width", "height", "shapes": [...]} in the JSON block it names, with a `canvas.overlay` inside.
import { cssColor, onElements, readJson } from "./dom.js";

const holders = new Map();
const ROLE_COLORS = { correct: "--ok", wrong: "--bad", missed: "--warn" };
const LINE = 2;
const LABEL = 11;
const DASH = [5, 3];

function strokeColor(shape, holder) {
  const role = ROLE_COLORS[shape.role];
  return role ? cssColor(role, holder) : (shape.color ?? cssColor("--accent", holder));
}

function isTruth(shape) {
  return shape.role === "truth" || shape.role === "missed";
}

function shown(shape, state) {
  if (isTruth(shape) ? !state.truth : !state.prediction) return false;
  if (shape.class_id !== null && state.hidden.has(shape.class_id)) return false;
  return shape.score === null || shape.score >= state.score;
}

function label(context, text, x, y, color, dash) {
  context.font = `500 ${LABEL}px ${getComputedStyle(document.body).fontFamily}`;
  const width = context.measureText(text).width + 10;
  const height = LABEL + 9;
  context.setLineDash(dash);
  context.fillStyle = "rgb(12 14 18 / 0.82)";
  context.strokeStyle = color;
  context.lineWidth = 1.5;
  context.beginPath();
  context.roundRect(x, y, width + 8, height, 4);
  context.fill();
  context.stroke();
  context.fillStyle = color;
  context.fillRect(x + 6, y + height / 2 - 3, 6, 6);
  context.fillStyle = "#fff";
  context.textBaseline = "middle";
  context.fillText(text, x + 16, y + height / 2 + 0.5);
  return height + 4;
}

function caption(shape) {
  const score = shape.score === null ? "" : ` ${(shape.score * 100).toFixed(0)} %`;
  return `${shape.label}${score}`;
}

function outline(context, shape, scale) {
  const corners = shape.points.map(([x, y]) => [x * scale, y * scale]);
  context.beginPath();
  if (shape.kind === "box") {
    const [[left, top], [right, bottom]] = corners;
    context.rect(left, top, right - left, bottom - top);
    return [left, top];
  }
  corners.forEach(([x, y], at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
  return corners.reduce((best, corner) => (corner[1] < best[1] ? corner : best));
}

function draw(holder) {
  const { spec, state, canvas } = holders.get(holder);
  const box = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(box.width * ratio);
  canvas.height = Math.round(box.height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.lineJoin = "round";
  let badgeTop = 8;
  for (const shape of spec.shapes.filter((item) => shown(item, state))) {
    const color = strokeColor(shape, holder);
    context.strokeStyle = color;
    const dash = isTruth(shape) ? DASH : [];
    context.lineWidth = LINE;
    context.setLineDash(dash);
    if (shape.kind === "badge") {
      badgeTop += label(context, caption(shape), 8, badgeTop, color, dash);
      continue;
    }
    const [x, y] = outline(context, shape, box.width / spec.width);
    context.globalAlpha = 0.12;
    context.fillStyle = color;
    context.fill();
    context.globalAlpha = 1;
    context.stroke();
    label(context, caption(shape), x, Math.max(0, y - LABEL - 11), color, dash);
  }
}

function control(holder, event) {
  const { state } = holders.get(holder);
  const { overlayRole, overlayClass, overlayScore } = event.target.dataset;
  if (overlayRole) state[overlayRole] = event.target.checked;
  if (overlayClass) state.hidden[event.target.checked ? "delete" : "add"](Number(overlayClass));
  if (overlayScore !== undefined) state.score = Number(event.target.value);
  draw(holder);
}

onElements("[data-overlay]", (holder) => {
  const canvas = holder.querySelector("canvas.overlay");
  const state = { truth: true, prediction: true, hidden: new Set(), score: 0 };
  holders.set(holder, { spec: readJson(holder.dataset.overlay), state, canvas });
  new ResizeObserver(() => draw(holder)).observe(canvas);
  const controls = document.getElementById(holder.dataset.overlayControls);
  controls?.addEventListener("input", (event) => control(holder, event));
});
document.addEventListener("studio:theme", () => [...holders.keys()].filter((item) => item.isConnected).forEach(draw));
document.addEventListener("htmx:load", () => {
  for (const holder of holders.keys()) if (!holder.isConnected) holders.delete(holder);
});
