// Upload of an archive to the API with a progress bar; the import itself is then told by live events.
import { duration } from "./dom.js";
import { toast } from "./toasts.js";

function size(bytes) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  let value = bytes;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${value >= 100 || at === 0 ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}

function problem(xhr) {
  try {
    const body = JSON.parse(xhr.responseText);
    return [body.errors?.[0]?.message ?? body.detail, body.hint].filter(Boolean).join(" ");
  } catch {
    return `The upload failed (${xhr.status}).`;
  }
}

/** How an upload goes: bytes, rate, and how long it still takes. */
function told(loaded, total, seconds) {
  const rate = seconds > 1 ? loaded / seconds : 0;
  const left = rate ? ` · ${size(rate)}/s · ${duration((total - loaded) / rate)} left` : "";
  return `${size(loaded)} of ${size(total)}${left}`;
}

function send(form, address) {
  const xhr = new XMLHttpRequest();
  const box = form.querySelector("[data-upload-progress]");
  const bar = box.querySelector('[role="progressbar"]');
  const text = box.querySelector("[data-upload-text]");
  const error = form.querySelector("[data-upload-error]");
  const submits = form.querySelectorAll('[type="submit"]');
  const began = Date.now();
  const lock = (on) => submits.forEach((button) => (button.disabled = on));
  const fail = (message) => {
    box.hidden = true;
    lock(false);
    error.hidden = false;
    error.textContent = message;
  };
  error.hidden = true;
  box.hidden = false;
  lock(true);
  xhr.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.style.setProperty("--value", loaded / total);
    bar.setAttribute("aria-valuenow", Math.round((100 * loaded) / total));
    text.textContent = loaded < total ? told(loaded, total, (Date.now() - began) / 1000) : "Received; it will be read now…";
  });
  xhr.addEventListener("load", () => {
    if (xhr.status !== 202) return fail(problem(xhr));
    box.hidden = true;
    lock(false);
    form.reset();
    showName(form);
    form.closest("dialog")?.close();
    const job = JSON.parse(xhr.responseText);
    if (job.payload.preview) return location.assign(`${form.dataset.upload}/${job.id}`);
    toast({ kind: "ok", message: "The archive is here; its import has started." });
    window.htmx.ajax("GET", location.href, { target: "#page", select: "#page", swap: "outerHTML" });
  });
  xhr.addEventListener("error", () => fail("The upload was interrupted. Check the connection and try again."));
  xhr.addEventListener("abort", () => fail("The upload was cancelled."));
  form.querySelector("[data-upload-cancel]").onclick = () => xhr.abort();
  xhr.open("POST", address);
  xhr.setRequestHeader("Accept", "application/json");
  xhr.send(new FormData(form));
}

function showName(form) {
  const file = form.querySelector('input[type="file"]').files[0];
  const name = form.querySelector("[data-upload-name]");
  name.textContent = file ? `${file.name} · ${size(file.size)}` : name.dataset.empty;
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-upload]")) return;
  event.preventDefault();
  send(event.target, event.submitter?.getAttribute("formaction") ?? event.target.action);
});
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-upload]");
  if (form && event.target.type === "file") showName(form);
});
for (const [name, on] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  document.addEventListener(name, (event) => event.target.closest?.(".drop")?.classList.toggle("over", on));
}
