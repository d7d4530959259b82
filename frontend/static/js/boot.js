// Runs before the first paint, so that a chosen theme never flashes. Without a choice the system decides.
(() => {
  try {
    const theme = localStorage.getItem("studio-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden; the system's theme is then the theme.
  }
})();

// A form sent before htmx has taken hold of the page would go out as a plain GET and do nothing: it waits for htmx.
(() => {
  let sent = null;
  const hold = (event) => {
    const form = event.target;
    if (!event.submitter?.closest("[hx-post]") && !form.closest("[hx-post]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    sent ??= { form, button: event.submitter };
  };
  addEventListener("submit", hold, true);
  addEventListener("DOMContentLoaded", () =>
    setTimeout(() => {
      removeEventListener("submit", hold, true);
      if (sent?.form.isConnected) sent.form.requestSubmit(sent.button);
    }),
  );
})();
