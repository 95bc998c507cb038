/** NiiVue as the reading room sets it up. */
import { Niivue } from "@niivue/niivue";

import type { Manifest } from "./manifest";

export function makeNiivue(manifest: Manifest): Niivue {
  return new Niivue({
    // Pointers, wheel and keys are ours, so that every tool speaks of the file's voxels.
    interactive: false,
    dragAndDropEnabled: false,
    backColor: [0, 0, 0, 1],
    crosshairWidth: 0,
    isRadiologicalConvention: manifest.scan.convention !== "neurological",
    isOrientationTextVisible: false,
    isOrientCube: manifest.scan.has_sides && manifest.scan.kind === "volume",
    multiplanarForceRender: true,
    loadingText: "",
    logLevel: "error",
  });
}
