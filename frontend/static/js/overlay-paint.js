// How shapes look. All is drawn in CSS pixels of the canvas, so lines keep their width at any zoom; `view` is where
// the image lies: {scale, x, y}.
import { cssColor } from "./dom.js";

const ROLES = { correct: "--ok", wrong: "--bad", missed: "--warn" };
const LABEL = 11;
const HEIGHT = LABEL + 9;
const DASH = [6, 4];
const INK = "rgb(12 14 18 / 0.82)";
const CASING = "rgb(12 14 18 / 0.55)";
export const THUMB = { width: 1.25, dash: [3, 2] };
export const CROWD = { width: 1.5, dash: DASH };
export const FEW = { width: 2, dash: DASH, casing: true, fill: 0.1 };
export const LIT = { width: 3, dash: DASH, casing: true, fill: 0.22 };

/** The colours and the font of a canvas. */
export function palette(canvas) {
  const roles = Object.entries(ROLES).map(([role, name]) => [role, cssColor(name, canvas)]);
  return { ...Object.fromEntries(roles), plain: cssColor("--accent", canvas), font: getComputedStyle(document.body).fontFamily };
}

/** Clear a canvas, in the size it has on the page, and return its context. */
export function cleared(canvas, { clientWidth, clientHeight }) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
  // Setting a size clears as well, but costs new memory.
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, clientWidth, clientHeight);
  context.globalAlpha = 1;
  context.lineJoin = "round";
  return context;
}

function stroke(shape, colors) {
  return colors[shape.role] ?? shape.color ?? colors.plain;
}

function trace(context, { kind, points }, { scale, x, y }) {
  context.beginPath();
  if (kind === "box") {
    const [[left, top], [right, bottom]] = points;
    context.rect(left * scale + x, top * scale + y, (right - left) * scale, (bottom - top) * scale);
    return;
  }
  for (const [px, py] of points) context.lineTo(px * scale + x, py * scale + y);
  context.closePath();
}

/** Draw boxes and polygons in a style: line `width`, `dash` of what is true, `casing` around lines, `fill` opacity. */
export function outlines(context, shapes, view, colors, style) {
  for (const shape of shapes) {
    const color = stroke(shape, colors);
    trace(context, shape, view);
    if (style.fill) {
      context.globalAlpha = style.fill;
      context.fillStyle = color;
      context.fill();
      context.globalAlpha = 1;
    }
    context.setLineDash(shape.truth ? style.dash : []);
    if (style.casing) {
      context.lineWidth = style.width + 2;
      context.strokeStyle = CASING;
      context.stroke();
    }
    context.lineWidth = style.width;
    context.strokeStyle = color;
    context.stroke();
  }
  context.setLineDash([]);
}

function caption({ label, score }) {
  return score === null ? label : `${label} ${(score * 100).toFixed(0)} %`;
}

function measured(context, shape, colors) {
  context.font = `500 ${LABEL}px ${colors.font}`;
  return context.measureText(caption(shape)).width + 22;
}

function label(context, shape, colors, [x, y, width]) {
  context.setLineDash(shape.truth ? DASH : []);
  context.lineWidth = 1.5;
  context.fillStyle = INK;
  context.strokeStyle = stroke(shape, colors);
  context.beginPath();
  context.roundRect(x, y, width, HEIGHT, 4);
  context.fill();
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = shape.color ?? stroke(shape, colors);
  context.fillRect(x + 6, y + HEIGHT / 2 - 3, 6, 6);
  context.fillStyle = "#fff";
  context.textBaseline = "middle";
  context.fillText(caption(shape), x + 16, y + HEIGHT / 2 + 0.5);
}

function meet([x, y, width], [left, top, wide]) {
  return x < left + wide && left < x + width && y < top + HEIGHT && top < y + HEIGHT;
}

/** Draw the labels of outlines: above, else below, else inside, wherever no other label stands in the way. */
export function labels(context, shapes, view, colors, { clientWidth, clientHeight }) {
  const taken = [];
  for (const shape of shapes) {
    const width = measured(context, shape, colors);
    const [left, top, right, bottom] = shape.bounds.map((value, at) => value * view.scale + (at % 2 ? view.y : view.x));
    const ends = [left, right - width].map((x) => Math.max(1, Math.min(x, clientWidth - width - 1)));
    const places = [top - HEIGHT - 2, bottom + 2, top + 3, bottom - HEIGHT - 3].flatMap((y) => ends.map((x) => [x, y, width]));
    const free = places.filter(([, y]) => y >= 1 && y + HEIGHT < clientHeight);
    const place = free.find((one) => !taken.some((other) => meet(one, other))) ?? free[0];
    const [x, y] = place ?? [ends[0], Math.max(1, Math.min(top, clientHeight - HEIGHT - 1))];
    taken.push([x, y, width]);
    label(context, shape, colors, [x, y, width]);
  }
}

/** Draw badges one below the other, from the corner of the image that can be seen. */
export function badges(context, shapes, view, colors) {
  const x = Math.max(0, view.x) + 8;
  let y = Math.max(0, view.y) + 8;
  for (const shape of shapes) {
    label(context, shape, colors, [x, y, measured(context, shape, colors)]);
    y += HEIGHT + 4;
  }
}
