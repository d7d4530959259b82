// Zoom and pan of one image. A viewer is `[data-viewer]` with a `.stage` that holds the image, and buttons
// `[data-zoom]`. Where the image stands is told by `viewOf` and, on each change, by `studio:view` on the stage.
import { onElements } from "./dom.js";

const stages = new Map();
const STEP = 1.4;
const PAN = 80;
const MOST = 32;
const PIXELS = 4;
const ZOOMS = { in: STEP, out: 1 / STEP, fit: 0 };
const KEYS = { "+": "in", "=": "in", "-": "out", 0: "fit" };
const ARROWS = { ArrowLeft: [PAN, 0], ArrowRight: [-PAN, 0], ArrowUp: [0, PAN], ArrowDown: [0, -PAN] };
const typing = "input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]";
let pointed = null;

/** Where an image of this size lies when it just fits into an element: {scale, x, y}, in CSS pixels. */
export function contain(width, height, element) {
  const scale = Math.min(element.clientWidth / width, element.clientHeight / height);
  return { scale, x: (element.clientWidth - width * scale) / 2, y: (element.clientHeight - height * scale) / 2 };
}

/** Where the image of a stage lies now; undefined for elements that are no stage. */
export function viewOf(stage) {
  return stages.get(stage)?.view;
}

/** Bring a box of image pixels, [left, top, right, bottom], to the middle, with some of what is around it. */
export function lookAt(stage, [left, top, right, bottom]) {
  const { clientWidth, clientHeight } = stage;
  const scale = bounded(stage, Math.min(clientWidth / (right - left || 1), clientHeight / (bottom - top || 1)) / 2);
  const x = clientWidth / 2 - ((left + right) / 2) * scale;
  place(stage, { scale, x, y: clientHeight / 2 - ((top + bottom) / 2) * scale });
}

function fitted(stage) {
  const { width, height } = stages.get(stage);
  return contain(width, height, stage);
}

/** Keep a scale between "all of it" and "single pixels". */
function bounded(stage, scale) {
  const { scale: least } = fitted(stage);
  return Math.min(Math.max(scale, least), Math.max(MOST, least * 4));
}

/** An image larger than its room covers it; a smaller one stands in its middle. So it never gets lost. */
function clamped(offset, length, room) {
  return length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, offset));
}

function place(stage, { scale, x, y }) {
  const item = stages.get(stage);
  const left = clamped(x, item.width * scale, stage.clientWidth);
  const top = clamped(y, item.height * scale, stage.clientHeight);
  item.view = { scale, x: left, y: top };
  item.zoomed = scale > fitted(stage).scale * 1.0001;
  item.image.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
  item.image.classList.toggle("pixels", scale >= PIXELS);
  stage.toggleAttribute("data-zoomed", item.zoomed);
  item.output.textContent = `${(scale * 100).toFixed(scale < 0.1 ? 1 : 0)} %`;
  stage.dispatchEvent(new CustomEvent("studio:view"));
}

/** Zoom by a factor so that the point `at` of the stage stays where it is; 0 fits the image. */
function zoom(stage, factor, at = { x: stage.clientWidth / 2, y: stage.clientHeight / 2 }) {
  const { scale, x, y } = viewOf(stage);
  const next = bounded(stage, scale * factor);
  place(stage, { scale: next, x: at.x - ((at.x - x) * next) / scale, y: at.y - ((at.y - y) * next) / scale });
}

function local(stage, event) {
  const box = stage.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

/** The middle of one or two fingers and how far they are apart. */
function gesture(held) {
  const [first, second = first] = held.values();
  const middle = { x: (first.x + second.x) / 2, y: (first.y + second.y) / 2 };
  return { middle, spread: Math.hypot(first.x - second.x, first.y - second.y) || 1 };
}

function follow(stage, before, now) {
  const { scale, x, y } = viewOf(stage);
  const next = bounded(stage, (scale * now.spread) / before.spread);
  const grown = next / scale;
  place(stage, { scale: next, x: now.middle.x - (before.middle.x - x) * grown, y: now.middle.y - (before.middle.y - y) * grown });
}

function listenToPointers(stage) {
  const held = new Map();
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || held.size > 1) return;
    stage.setPointerCapture(event.pointerId);
    held.set(event.pointerId, local(stage, event));
  });
  stage.addEventListener("pointermove", (event) => {
    if (!held.has(event.pointerId)) return;
    const before = gesture(held);
    held.set(event.pointerId, local(stage, event));
    follow(stage, before, gesture(held));
  });
  for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => held.delete(event.pointerId));
}

function listenToWheel(stage) {
  const turned = (event) => {
    // An image that fits already leaves the wheel to the page.
    if (event.deltaY > 0 && !stages.get(stage).zoomed) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 24 : 1);
    // A pinch on a touchpad comes as small turns of the wheel with Ctrl.
    zoom(stage, Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.002)), local(stage, event));
  };
  stage.addEventListener("wheel", turned, { passive: false });
}

function resized(stage) {
  const item = stages.get(stage);
  if (!stage.clientWidth) return;
  if (!item.zoomed) place(stage, fitted(stage));
  else place(stage, { ...item.view, scale: bounded(stage, item.view.scale) });
}

onElements("[data-viewer]", (viewer) => {
  const stage = viewer.querySelector(".stage");
  if (stages.has(stage)) return;
  const image = stage.querySelector("img");
  const [width, height] = ["width", "height"].map((name) => Number(image.getAttribute(name)));
  stages.set(stage, { image, width, height, output: viewer.querySelector("[data-zoom-value]"), zoomed: false });
  Object.assign(image.style, { width: `${width}px`, height: `${height}px` });
  place(stage, fitted(stage));
  new ResizeObserver(() => resized(stage)).observe(stage);
  listenToPointers(stage);
  listenToWheel(stage);
  stage.addEventListener("dblclick", (event) => zoom(stage, 2, local(stage, event)));
  viewer.addEventListener("pointerenter", () => (pointed = stage));
  viewer.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    if (button) zoom(stage, ZOOMS[button.dataset.zoom]);
  });
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]") || event.target.closest?.(typing)) return;
  const stage = pointed?.isConnected ? pointed : document.querySelector("[data-viewer] .stage");
  const arrow = event.shiftKey && ARROWS[event.key];
  if (!stage || !(arrow || event.key in KEYS)) return;
  // Plain arrows walk to the neighbours; with Shift they move the image.
  event.preventDefault();
  const { scale, x, y } = viewOf(stage);
  if (arrow) place(stage, { scale, x: x + arrow[0], y: y + arrow[1] });
  else zoom(stage, ZOOMS[KEYS[event.key]]);
});
document.addEventListener("htmx:load", () => {
  for (const stage of stages.keys()) if (!stage.isConnected) stages.delete(stage);
});
