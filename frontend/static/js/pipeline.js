// The list of augmentation steps: moved by buttons or by dragging, removed, added. What a step is comes from the
// server; this keeps the order, and tells with a `studio:pipeline` event when it has changed.
import { onElements } from "./dom.js";

const steps = (editor) => [...editor.querySelectorAll("[data-step]")];
const nameOf = (step) => step.querySelector("input[type=hidden]").value;
let dragged = null;

function refresh(editor) {
  const rows = steps(editor);
  const names = rows.map(nameOf);
  for (const option of editor.querySelectorAll("select optgroup option")) option.disabled = names.includes(option.value);
  const select = editor.querySelector("select:has(optgroup)");
  if (select.selectedOptions[0]?.disabled) select.value = select.querySelector("option:not(:disabled)")?.value ?? "";
  editor.querySelector("[data-add]").disabled = !select.value;
  rows.forEach((row, at) => {
    row.querySelector("[data-move=up]").disabled = at === 0;
    row.querySelector("[data-move=down]").disabled = at === rows.length - 1;
  });
  const used = rows.filter((row) => row.querySelector(".switch").checked).map(nameOf);
  editor.querySelector("[data-pipeline-changed]").hidden = used.join(" ") === editor.dataset.pipeline;
}

function changed(editor) {
  refresh(editor);
  editor.dispatchEvent(new CustomEvent("studio:pipeline", { bubbles: true }));
}

function move(button) {
  const step = button.closest("[data-step]");
  if (button.dataset.move === "up") step.previousElementSibling.before(step);
  else step.nextElementSibling.after(step);
  changed(step.closest("[data-pipeline]"));
  // At an end the button cannot go on, so that the other one is next.
  (button.disabled ? step.querySelector("[data-move]:not(:disabled)") : button)?.focus();
}

function remove(button) {
  const editor = button.closest("[data-pipeline]");
  const step = button.closest("[data-step]");
  const next = step.nextElementSibling ?? step.previousElementSibling;
  step.remove();
  changed(editor);
  (next?.querySelector("[data-remove]") ?? editor.querySelector("select:has(optgroup)")).focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-pipeline] [data-move], [data-pipeline] [data-remove], [data-reset-defaults]");
  if (!button) return;
  if (button.dataset.move) move(button);
  else if ("remove" in button.dataset) remove(button);
  else button.form.querySelector("[data-reset-steps]")?.click();
});

// Only the grip starts a drag, so that text and numbers can still be selected.
document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest?.("[data-grip]");
  if (grip) grip.closest("[data-step]").draggable = true;
});

document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.("[data-step]") ?? null;
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", nameOf(dragged));
  dragged.classList.add("dragged");
});

document.addEventListener("dragover", (event) => {
  const over = dragged && event.target.closest?.("[data-step]");
  if (!over || over.parentElement !== dragged.parentElement) return;
  event.preventDefault();
  if (over === dragged) return;
  const { top, height } = over.getBoundingClientRect();
  if (event.clientY < top + height / 2) over.before(dragged);
  else over.after(dragged);
});

document.addEventListener("drop", (event) => dragged && event.preventDefault());

document.addEventListener("dragend", () => {
  if (!dragged) return;
  dragged.draggable = false;
  dragged.classList.remove("dragged");
  changed(dragged.closest("[data-pipeline]"));
  dragged = null;
});

document.addEventListener("pointerup", () => {
  if (!dragged) for (const step of document.querySelectorAll("[data-step][draggable=true]")) step.draggable = false;
});

onElements("[data-pipeline]", (editor) => {
  refresh(editor);
  editor.addEventListener("input", () => refresh(editor));
  editor.addEventListener("htmx:afterSettle", (event) => event.detail.target.id === "augmentation-steps" && changed(editor));
});
