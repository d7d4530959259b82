// Short messages at the edge. The server sends them as the HX-Trigger event `studio:toast`.
import { icon } from "./dom.js";

const LIFE_MS = { ok: 5000, info: 6000, bad: 12000 };
const ICONS = { ok: "circle-check", info: "info", bad: "circle-alert" };

export function toast({ kind = "info", message, hint = "" }) {
  const holder = document.getElementById("toasts");
  const box = document.createElement("div");
  box.className = `toast ${kind}`;
  box.setAttribute("role", kind === "bad" ? "alert" : "status");
  const text = document.createElement("div");
  text.className = "grow";
  const line = document.createElement("p");
  line.textContent = message;
  text.append(line);
  if (hint) {
    const more = document.createElement("small");
    more.textContent = hint;
    text.append(more);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn ghost sm only-icon";
  close.setAttribute("aria-label", "Dismiss");
  close.append(icon("x", "sm"));
  close.addEventListener("click", () => box.remove());
  box.append(icon(ICONS[kind], "kind"), text, close);
  holder.append(box);
  // A popover lies in the top layer, so a message is seen above an open dialog too.
  if (holder.matches(":popover-open")) holder.hidePopover();
  holder.showPopover();
  setTimeout(() => box.remove(), LIFE_MS[kind]);
}

document.addEventListener("studio:toast", (event) => toast(event.detail));
document.addEventListener("htmx:sendError", () =>
  toast({ kind: "bad", message: "The studio cannot be reached.", hint: "Check that it is running, then try again." }),
);
document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = event.detail;
  if (xhr.getResponseHeader("HX-Trigger")) return;
  toast({ kind: "bad", message: `The studio answered with an error (${xhr.status}).` });
});
