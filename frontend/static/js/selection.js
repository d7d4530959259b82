// Which images of the grid are chosen: single ones, the page, or all of the query. What is ticked is what is meant:
// "all of the query" stands only while every image of the page is ticked.
document.addEventListener("alpine:init", () => {
  window.Alpine.data("selection", (total) => ({
    chosen: 0,
    page: false,
    all: false,
    get count() {
      return this.all ? total : this.chosen;
    },
    get told() {
      const apart = this.count >= 10_000 ? String(this.count).replace(/\B(?=(\d{3})+$)/g, "\u202f") : this.count;
      return `${apart} ${this.count === 1 ? "image" : "images"}`;
    },
    changed({ target }) {
      const boxes = [...this.$refs.selection.querySelectorAll("[name=image]")];
      const whole = target === this.$refs.page || (target === this.$refs.all && target.checked);
      if (whole) for (const box of boxes) box.checked = target.checked;
      this.chosen = boxes.filter((box) => box.checked).length;
      this.page = this.chosen === boxes.length;
      this.all = target === this.$refs.all && target.checked;
    },
  }));
});
