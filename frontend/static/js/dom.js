// Small helpers that several modules share.

/** Call `setup` for every element that matches, now and whenever htmx brings new ones. */
export function onElements(selector, setup) {
  const run = (root) => {
    if (root.matches?.(selector)) setup(root);
    root.querySelectorAll(selector).forEach(setup);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => run(document));
  else run(document);
  document.addEventListener("htmx:load", (event) => run(event.detail.elt));
}

/** Read the JSON that a `<script type="application/json">` with this id holds. */
export function readJson(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

/** The value of a CSS custom property where `element` stands, as a colour canvas understands. */
export function cssColor(name, element = document.body) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}

/** Make an icon of the sprite. */
export function icon(name, extra = "") {
  const holder = document.createElement("template");
  const sprite = document.querySelector('meta[name="studio-sprite"]').content;
  holder.innerHTML = `<svg class="icon ${extra}" aria-hidden="true"><use href="${sprite}#${name}"></use></svg>`;
  return holder.content.firstElementChild;
}

/** Seconds as people read them: 48 s, 3 min 20 s, 2 h 5 min. */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
