/** Measuring on the scan by hand. */
import type { Stage } from "../stage";

export function mountMeasures(_stage: Stage): void {}
