// Native dialogs: opened by a button that names them, closed by Escape, by a button, or by a click beside them.
import { onElements } from "./dom.js";

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) {
    opener.closest("details.menu")?.removeAttribute("open");
    document.getElementById(opener.dataset.open).showModal();
    return;
  }
  if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
  else if (event.target.matches("dialog[open]") && beside(event)) event.target.close();
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.removeAttribute("open");
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.removeAttribute("open");
    menu.querySelector("summary").focus();
  }
});

// A link such as /?new=1 opens the dialog it speaks of.
onElements("dialog[data-opened]", (dialog) => {
  if (!dialog.open) dialog.showModal();
});

// What was answered in such a dialog belongs to what it was opened for: closed, it is as new.
onElements("dialog[data-fresh]", (dialog) => {
  const body = dialog.querySelector(".dialog-body");
  const given = body.innerHTML;
  dialog.addEventListener("close", () => {
    body.innerHTML = given;
    window.htmx.process(body);
  });
});

function beside(event) {
  const box = event.target.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}
