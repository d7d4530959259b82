// Three sliders that always add to 100: what one takes, the others give in proportion.
document.addEventListener("alpine:init", () => {
  window.Alpine.data("ratios", (given) => ({
    parts: { ...given },
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
});
