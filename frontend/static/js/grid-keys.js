// A grid of thumbnails by keyboard: arrows, Home, End and Page keys walk, Space selects, "a" selects the page, Escape
// lets go of all. With Shift, Space or a click selects all from the one selected last.
let last = null;

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  const grid = event.target.closest?.("[data-grid-keys]") ?? document.querySelector("[data-grid-keys]");
  if (!grid || (event.target.closest?.("input:not([type=checkbox]), select, textarea") ?? false)) return;
  if (event.key === " ") select(event);
  else if (event.shiftKey) return;
  else if (event.key === "Escape") letGo(event, grid);
  else if (event.key === "a") selectPage(event, grid);
  else walk(event, grid);
});

// A click on the picture opens it, with Shift it selects.
document.addEventListener("click", (event) => {
  const box = boxOf(event.target);
  if (!box) return;
  const onPicture = event.target.closest("a.thumb");
  if (!onPicture) choose(box, event.shiftKey);
  else if (event.shiftKey) {
    event.preventDefault();
    box.checked = !box.checked;
    choose(box, true);
  }
});

function boxOf(element) {
  return element.closest?.("[data-grid-keys] .pick")?.querySelector("input[type=checkbox]");
}

/** Note which one was ticked or not; with `range` all from the one before up to it become as that one is. */
function choose(box, range) {
  const boxes = [...box.form.querySelectorAll("[name=image]")];
  const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((one, other) => one - other);
  if (range && from >= 0) for (const item of boxes.slice(from, to + 1)) item.checked = last.checked;
  last = box;
  box.form.dispatchEvent(new Event("change"));
}

function walk(event, grid) {
  const items = [...grid.querySelectorAll("a.thumb")];
  const current = event.target.closest?.("[data-grid-keys] li")?.querySelector("a.thumb");
  // Outside of the grid these keys scroll the page.
  if (!current && !["ArrowRight", "ArrowLeft"].includes(event.key)) return;
  const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const rows = Math.max(1, Math.floor(innerHeight / grid.firstElementChild.offsetHeight) - 1);
  const at = current ? items.indexOf(current) : -1;
  const column = at % columns;
  const bottom = items.length - 1 - ((((items.length - 1 - column) % columns) + columns) % columns);
  const places = {
    ArrowRight: at + 1,
    ArrowLeft: current ? at - 1 : 0,
    ArrowDown: at + columns,
    ArrowUp: at - columns,
    Home: 0,
    End: items.length - 1,
    PageDown: Math.min(at + rows * columns, bottom),
    PageUp: Math.max(at - rows * columns, column),
  };
  const next = items[places[event.key]];
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function select(event) {
  const box = event.target.closest?.("a.thumb") && boxOf(event.target);
  if (!box) return;
  event.preventDefault();
  box.checked = !box.checked;
  choose(box, event.shiftKey);
}

function selectPage(event, grid) {
  const boxes = [...grid.querySelectorAll("[name=image]")];
  if (!boxes.length) return;
  event.preventDefault();
  for (const box of boxes) box.checked = true;
  boxes[0].form.dispatchEvent(new Event("change"));
}

function letGo(event, grid) {
  const form = grid.closest("form");
  if (!form?.querySelector("input:checked")) return;
  event.preventDefault();
  last = null;
  for (const box of form.querySelectorAll("input:checked")) box.checked = false;
  form.dispatchEvent(new Event("change"));
}
