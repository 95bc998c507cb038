/** The parts of a mask in their colours, in the place of the lesions that they make up. */
import { bind } from "./keys";
import type { Layers } from "./layers";
import type { Stage } from "./stage";

/** Adds the layer's row and its key, where the mask has parts; the panel below names the colours. */
export function mountParts(stage: Stage, layers: Layers): void {
  const { result } = stage.manifest;
  if (result === null || result.parts_url === null) return;
  const shown = layers.offer({
    name: "Parts of the tumour",
    url: result.parts_url,
    parts: result.parts,
    opacity: 0.6,
  });
  shown.dataset.partsShown = "";
  // Two colours over each other are neither: the lesions give way, and can be put back by hand.
  shown.addEventListener("change", () => {
    const lesions = stage.root.querySelector<HTMLInputElement>("[data-layers] [data-layer-shown]");
    if (lesions !== null && lesions.checked === shown.checked) lesions.click();
  });
  bind("P", "Parts of the tumour, on or off", () => shown.click(), "Mask");
}
