/** Where the model was unsure: hidden at first, as a reader looks at the scan and the mask first. */
import { bind } from "./keys";
import type { Layers } from "./layers";
import type { Stage } from "./stage";

const NAME = "Where the model is unsure";
/**
 * From violet to bright pink, steadily lighter: a hue that neither the grey of the scan nor the usual
 * colours of lesions have, and an order that is seen without telling hues apart. It ends short of
 * white, which is the colour of the brightest lesions themselves. Nothing is drawn below a fifth of
 * a bit, where the readings' mean is under 3 % or over 97 %. The legend in styles/unsure.css has the
 * same stops.
 */
const RAMP = {
  R: [90, 90, 122, 192, 232, 255],
  G: [24, 24, 31, 54, 88, 122],
  B: [154, 154, 168, 178, 190, 204],
  A: [0, 0, 110, 190, 225, 255],
  I: [0, 51, 77, 128, 192, 255],
  min: 0,
  max: 100,
};

/** Adds the layer's row, its key and its legend, where the result has such a map. */
export function mountUnsure(stage: Stage, layers: Layers): void {
  const url = stage.manifest.result?.unsure_url ?? null;
  if (url === null) return;
  stage.nv.addColormap("unsure", RAMP);
  // The map is in hundredths of a bit.
  const shown = layers.offer({ name: NAME, url, colormap: "unsure", range: [0, 100], opacity: 0.7 });
  shown.dataset.unsureShown = "";
  const legend = stage.root.querySelector<HTMLElement>("[data-unsure-legend]");
  shown.addEventListener("change", () => legend?.toggleAttribute("hidden", !shown.checked));
  bind("U", `${NAME}, on or off`, () => shown.click(), "Mask");
}
