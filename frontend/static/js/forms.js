// Forms made from a schema: which fields apply, which differ from their default, how many are on.
import { onElements } from "./dom.js";

function value(form, name) {
  const field = form.elements[name];
  if (!field) return undefined;
  const control = field instanceof RadioNodeList ? [...field].find((item) => item.type === "checkbox") : field;
  return control?.type === "checkbox" ? control.checked : field.value;
}

function applies(form, rule) {
  return Object.entries(rule).every(([name, wanted]) => {
    const options = Array.isArray(wanted) ? wanted : [wanted];
    return options.some((option) => String(option) === String(value(form, name)));
  });
}

function refresh(form) {
  for (const field of form.querySelectorAll("[data-when]")) {
    field.hidden = !applies(form, JSON.parse(field.dataset.when));
  }
  for (const control of form.querySelectorAll("[data-default]")) {
    const now = control.type === "checkbox" ? control.checked : control.value;
    const hidden = same(now, control.dataset.default);
    for (const sign of control.closest(".field").querySelectorAll(".changed, [data-reset-field]")) sign.hidden = hidden;
  }
  for (const step of form.querySelectorAll("[data-step]")) {
    step.querySelector("[data-step-params]")?.toggleAttribute("hidden", !step.querySelector(".switch").checked);
  }
}

function same(now, original) {
  if (String(now) === original) return true;
  return now !== "" && original !== "" && Number(now) === Number(original);
}

onElements("form[data-schema-form]", (form) => {
  refresh(form);
  form.addEventListener("input", () => refresh(form));
  form.addEventListener("reset", () => setTimeout(() => refresh(form)));
});

// "Defaults" puts back what the server gave as default in the whole form, the small button of a field only there.
document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-reset-defaults], [data-reset-field]");
  if (!button) return;
  const place = button.matches("[data-reset-field]") ? button.closest(".field") : button.form;
  for (const control of place.querySelectorAll("[data-default]")) {
    if (control.type === "checkbox") control.checked = control.dataset.default === "true";
    else control.value = control.dataset.default;
    if (place !== button.form) control.focus();
  }
  button.form.dispatchEvent(new Event("input", { bubbles: true }));
});

// Empty fields stay out of the address.
document.addEventListener("htmx:configRequest", (event) => {
  const { elt, parameters, verb } = event.detail;
  if (verb !== "get" || !elt.closest("[data-clean-url]")) return;
  for (const [name, given] of [...Object.entries(parameters)]) if (given === "") delete parameters[name];
});
