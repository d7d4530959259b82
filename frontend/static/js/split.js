// Three sliders that always add to 100: what one takes, the others give in proportion.
// Images kept together by the start of their names: an example shows what a choice makes of a real name.
document.addEventListener("alpine:init", () => {
  window.Alpine.data("ratios", (given, strategy) => ({
    parts: { ...given },
    strategy,
    folds: "",
    set(name, wanted) {
      const others = Object.keys(this.parts).filter((key) => key !== name);
      const value = Math.max(0, Math.min(100, Math.round(Number(wanted) || 0)));
      const rest = 100 - value;
      const before = others.reduce((sum, key) => sum + this.parts[key], 0);
      const [first, second] = others;
      const share = before > 0 ? this.parts[first] / before : 0.5;
      this.parts[first] = Math.round(rest * share);
      this.parts[second] = rest - this.parts[first];
      this.parts[name] = value;
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
