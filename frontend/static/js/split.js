// Three sliders that always add to 100: what one takes, the others give in proportion. Without train there is no model.
// Images kept together by the start of their names: an example shows what a choice makes of a real name.
const LEAST = { train: 1, val: 0, test: 0 };
const between = (low, value, high) => Math.max(low, Math.min(high, value));

document.addEventListener("alpine:init", () => {
  window.Alpine.data("ratios", (given, strategy) => ({
    parts: { ...given },
    strategy,
    folds: "",
    set(name, wanted) {
      const [first, second] = Object.keys(this.parts).filter((key) => key !== name);
      const value = between(LEAST[name], Math.round(Number(wanted) || 0), 100 - LEAST[first] - LEAST[second]);
      const rest = 100 - value;
      const before = this.parts[first] + this.parts[second];
      const share = before > 0 ? this.parts[first] / before : 0.5;
      this.parts[first] = between(LEAST[first], Math.round(rest * share), rest - LEAST[second]);
      this.parts[second] = rest - this.parts[first];
      this.parts[name] = value;
      return value;
    },
  }));
  window.Alpine.data("groups", (separator, parts, filename) => ({
    by: "",
    separator,
    parts,
    filename,
    get pieces() {
      const stem = this.filename.replace(/(?<=.)\.[^.]+$/, "");
      return this.separator ? stem.split(this.separator) : [stem];
    },
    get group() {
      return this.pieces.slice(0, this.parts || 1).join(this.separator);
    },
    get whole() {
      return this.pieces.length <= (this.parts || 1);
    },
  }));
});

// What is wrong with a field comes with the preview; the field is marked as long as something is said of it.
document.addEventListener("htmx:afterSettle", () => {
  for (const control of document.querySelectorAll("#split-form [aria-errormessage]")) {
    const said = document.getElementById(control.getAttribute("aria-errormessage"))?.textContent;
    control.toggleAttribute("aria-invalid", Boolean(said));
    if (said) control.setAttribute("aria-invalid", "true");
  }
});
