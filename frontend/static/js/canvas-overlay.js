// Draws shape records of the server over an image. Truth is dashed, predictions are solid; roles and classes can be
// switched, and a slider hides what scores lower. A holder is `[data-overlay]`:
// {"width", "height", "shapes": [...]} in the JSON block it names, with a `canvas.overlay` inside. A holder that is the
// stage of a viewer follows its zoom and tells what is under the pointer; any other is a thumbnail.
import { onElements, readJson } from "./dom.js";
import { CROWD, FEW, LIT, THUMB, badges, cleared, labels, outlines, palette } from "./overlay-paint.js";
import { contain, lookAt, viewOf } from "./viewer.js";

const holders = new Map();
const waiting = new Set();
const LABELLED = 12;
const DIMMED = 0.35;
const SLACK = 3;
let colors = null;

function prepared(shape) {
  const truth = shape.role === "truth" || shape.role === "missed";
  if (!shape.points.length) return { ...shape, truth, bounds: null };
  const [xs, ys] = [0, 1].map((axis) => shape.points.map((point) => point[axis]));
  const bounds = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  return { ...shape, truth, bounds, area: (bounds[2] - bounds[0]) * (bounds[3] - bounds[1]) };
}

function shown(shape, state) {
  if (shape.truth ? !state.truth : !state.prediction) return false;
  if (shape.class_id !== null && state.hidden.has(shape.class_id)) return false;
  return shape.score === null || shape.score >= state.score;
}

function inView(item, { scale, x, y }) {
  const [left, top] = [-x / scale, -y / scale];
  const [right, bottom] = [left + item.canvas.clientWidth / scale, top + item.canvas.clientHeight / scale];
  return item.visible.filter(
    ({ bounds }) => bounds && bounds[0] < right && bounds[2] > left && bounds[1] < bottom && bounds[3] > top,
  );
}

/** Draw everything but what is highlighted; on a stage, to a layer that lies ready for each move of the pointer. */
function render(item) {
  const { canvas, holder, spec } = item;
  item.view = viewOf(holder) ?? contain(spec.width, spec.height, canvas);
  const seen = inView(item, item.view);
  const context = cleared(item.layer, canvas);
  if (!item.stage) return outlines(context, seen, item.view, colors, THUMB);
  const few = seen.length <= LABELLED;
  outlines(context, seen, item.view, colors, few ? FEW : CROWD);
  if (few) labels(context, seen, item.view, colors, canvas);
  badges(context, item.visible.filter(({ bounds }) => !bounds), item.view, colors);
}

/** The smallest shape under the pointer. */
function under(item) {
  if (!item.pointer) return null;
  const box = item.holder.getBoundingClientRect();
  const { scale, x, y } = item.view;
  const [px, py] = [(item.pointer.x - box.left - x) / scale, (item.pointer.y - box.top - y) / scale];
  const slack = SLACK / scale;
  let best = null;
  for (const shape of item.visible) {
    if (!shape.bounds || (best && shape.area > best.area)) continue;
    const [left, top, right, bottom] = shape.bounds;
    if (px > left - slack && px < right + slack && py > top - slack && py < bottom + slack) best = shape;
  }
  return best;
}

function refresh(item) {
  const { canvas, layer } = item;
  if (!canvas.clientWidth) return;
  const stale = item.stale;
  item.stale = false;
  if (stale) render(item);
  if (!item.stage) return;
  const lit = item.named && shown(item.named, item.state) ? item.named : under(item);
  if (!stale && lit === item.lit) return;
  item.lit = lit;
  const context = cleared(canvas, canvas);
  if (lit) context.globalAlpha = DIMMED;
  if (layer.width && layer.height) context.drawImage(layer, 0, 0, canvas.clientWidth, canvas.clientHeight);
  context.globalAlpha = 1;
  if (!lit) return;
  outlines(context, [lit], item.view, colors, LIT);
  labels(context, [lit], item.view, colors, canvas);
}

/** Draw with the next frame; `stale` when more changed than what is highlighted. */
function request(item, stale) {
  item.stale ||= stale;
  if (!waiting.size) {
    requestAnimationFrame(() => {
      const items = [...waiting];
      waiting.clear();
      items.forEach(refresh);
    });
  }
  waiting.add(item);
}

function filter(item) {
  item.visible = item.shapes.filter((shape) => shown(shape, item.state));
  request(item, true);
}

function adopt({ state }, input) {
  const { overlayRole, overlayClass, overlayScore } = input.dataset;
  if (overlayRole) state[overlayRole] = input.checked;
  if (overlayClass) state.hidden[input.checked ? "delete" : "add"](Number(overlayClass));
  if (overlayScore === undefined) return;
  state.score = Number(input.value);
  input.style.setProperty("--at", state.score * 100);
  for (const output of input.labels[0].parentElement.getElementsByTagName("output")) {
    output.value = `${(state.score * 100).toFixed(0)} %`;
  }
}

function listenToControls(item, controls) {
  controls.querySelectorAll("input").forEach((input) => adopt(item, input));
  controls.addEventListener("input", (event) => {
    adopt(item, event.target);
    filter(item);
  });
  const name = (event) => {
    const entry = event.target.closest("[data-overlay-shape]");
    item.named = entry && !/out$/.test(event.type) ? item.shapes[entry.dataset.overlayShape] : null;
    request(item, false);
  };
  for (const type of ["pointerover", "pointerout", "focusin", "focusout"]) controls.addEventListener(type, name);
  controls.addEventListener("click", (event) => {
    const entry = event.target.closest("[data-overlay-shape]");
    if (entry) lookAt(item.holder, item.shapes[entry.dataset.overlayShape].bounds);
  });
}

function listenToPointer(item) {
  const point = (event) => {
    const left = event.type === "pointerleave";
    // A finger that is lifted leaves what it pointed at in view.
    if (left && event.pointerType === "touch") return;
    item.pointer = left ? null : { x: event.clientX, y: event.clientY };
    request(item, false);
  };
  for (const type of ["pointermove", "pointerdown", "pointerleave"]) item.holder.addEventListener(type, point);
  item.holder.addEventListener("studio:view", () => request(item, true));
}

const resizes = new ResizeObserver((entries) => {
  for (const item of entries.map(({ target }) => holders.get(target))) if (item) request(item, true);
});

function start(holder) {
  if (holders.has(holder)) return;
  const canvas = holder.querySelector("canvas.overlay");
  const stage = holder.matches("[data-viewer] *");
  const spec = readJson(holder.dataset.overlay);
  const state = { truth: true, prediction: true, hidden: new Set(), score: 0 };
  const layer = stage ? document.createElement("canvas") : canvas;
  // Canvases are drawn in the colours of the dark theme whatever the page's is: what lies below is an image.
  colors ??= palette(canvas);
  const item = { holder, canvas, layer, spec, state, stage, shapes: spec.shapes.map(prepared) };
  holders.set(holder, item);
  const controls = document.getElementById(holder.dataset.overlayControls);
  if (controls) listenToControls(item, controls);
  if (stage) listenToPointer(item);
  filter(item);
  resizes.observe(holder);
}

// Thumbnails are many: each one is read and drawn when it comes near.
const arrivals = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      arrivals.unobserve(target);
      start(target);
    }
  },
  { rootMargin: "200px" },
);
onElements("[data-overlay]", (holder) => arrivals.observe(holder));
document.addEventListener("htmx:load", () => {
  for (const holder of holders.keys()) if (!holder.isConnected) holders.delete(holder);
});
