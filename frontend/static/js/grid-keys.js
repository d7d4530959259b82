// A grid of thumbnails by keyboard: arrows walk from one to the next, Space selects, Escape lets go of all.
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (document.querySelector("dialog[open]")) return;
  const grid = event.target.closest?.("[data-grid-keys]") ?? document.querySelector("[data-grid-keys]");
  if (!grid || (event.target.closest?.("input:not([type=checkbox]), select, textarea") ?? false)) return;
  if (event.key === "Escape") letGo(event, grid);
  else if (event.key === " ") select(event);
  else if (event.key.startsWith("Arrow")) walk(event, grid);
});

function walk(event, grid) {
  const items = [...grid.querySelectorAll("a.thumb")];
  const current = event.target.closest?.("[data-grid-keys] li")?.querySelector("a.thumb");
  // Outside of the grid the arrows up and down scroll the page.
  if (!current && !["ArrowRight", "ArrowLeft"].includes(event.key)) return;
  const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  const next = current ? items.indexOf(current) + step : 0;
  if (!items[next]) return;
  event.preventDefault();
  items[next].focus();
  items[next].scrollIntoView({ block: "nearest" });
}

function select(event) {
  const box = event.target.closest?.("a.thumb")?.parentElement.querySelector("input[type=checkbox]");
  if (!box) return;
  event.preventDefault();
  box.click();
}

function letGo(event, grid) {
  const form = grid.closest("form");
  if (!form?.querySelector("input:checked")) return;
  event.preventDefault();
  for (const box of form.querySelectorAll("input:checked")) box.checked = false;
  form.dispatchEvent(new Event("change"));
}
