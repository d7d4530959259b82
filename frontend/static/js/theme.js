// Light, dark, or as the system says; the choice is kept in this browser.
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

function current() {
  return root.dataset.theme ?? (system.matches ? "dark" : "light");
}

function announce() {
  document.dispatchEvent(new CustomEvent("studio:theme", { detail: current() }));
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-toggle]")) return;
  const next = current() === "dark" ? "light" : "dark";
  const asSystem = next === (system.matches ? "dark" : "light");
  if (asSystem) delete root.dataset.theme;
  else root.dataset.theme = next;
  try {
    if (asSystem) localStorage.removeItem("studio-theme");
    else localStorage.setItem("studio-theme", next);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  announce();
});
system.addEventListener("change", announce);
