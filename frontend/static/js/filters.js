// The filters of the images: whether they are shown on a narrow screen, and how many are set.
document.addEventListener("alpine:init", () => {
  window.Alpine.data("filters", () => ({
    open: false,
    active: 0,
    init() {
      this.count();
    },
    count() {
      const fields = [...this.$refs.fields.querySelectorAll("select, input[type=number]")];
      this.active = fields.filter((field) => field.value && !field.closest(".order-fields")).length;
    },
  }));
});
