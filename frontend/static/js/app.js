// The one entry: every module registers its own listeners on the document and finds its elements by data attributes.
import "./theme.js";
import "./toasts.js";
import "./dialogs.js";
import "./times.js";
import "./charts.js";
import "./compare.js";
import "./viewer.js";
import "./canvas-overlay.js";
import "./forms.js";
import "./pipeline.js";
import "./split.js";
import "./upload.js";
import "./keyboard.js";
import "./grid-keys.js";
import "./selection.js";
import "./filters.js";
import "./live.js";
import { onElements } from "./dom.js";

// On a narrow screen the pipeline scrolls; where one is should be seen.
onElements(".step[aria-current]", (step) => step.scrollIntoView({ inline: "center", block: "nearest" }));
