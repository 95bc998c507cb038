/** The scan's intensities in the order in which it is drawn, for a brush that keeps within bounds. */
import type { NVImage } from "@niivue/niivue";

import type { Drawing } from "./drawing";
import type { Triple } from "./grid";
import type { Bounds } from "./session";

/** How far around the pointer is looked at, in voxels. */
const REACH = 2;
const DEVIATIONS = 2;

export class Intensity {
  private image: NVImage | null = null;
  private values: ArrayLike<number> = [];

  /** The intensities of `image`, scaled as its header says; put in order once for each image. */
  of(image: NVImage): ArrayLike<number> {
    if (image === this.image) return this.values;
    this.image = image;
    const stored = image.img2RAS() as ArrayLike<number>;
    const slope = image.hdr?.scl_slope || 1;
    const shift = image.hdr?.scl_inter || 0;
    const isPlain = slope === 1 && shift === 0;
    this.values = isPlain ? stored : Float32Array.from(stored, (raw) => raw * slope + shift);
    return this.values;
  }
}

/** Bounds around what is under a place: the mean of its neighbours, two deviations each way. */
export function boundsAround(
  intensity: ArrayLike<number>,
  drawing: Drawing,
  at: Triple,
  through: number,
): Bounds {
  const around: number[] = [];
  const [x, y, z] = at.map(Math.round) as Triple;
  const reach = [0, 1, 2].map((axis) => (axis === through ? 0 : REACH)) as Triple;
  for (let dz = -reach[2]; dz <= reach[2]; dz++) {
    for (let dy = -reach[1]; dy <= reach[1]; dy++) {
      for (let dx = -reach[0]; dx <= reach[0]; dx++) {
        if (!drawing.holds(x + dx, y + dy, z + dz)) continue;
        around.push(intensity[drawing.index(x + dx, y + dy, z + dz)]!);
      }
    }
  }
  const mean = around.reduce((sum, value) => sum + value, 0) / around.length;
  const spread = Math.sqrt(
    around.reduce((sum, value) => sum + (value - mean) ** 2, 0) / around.length,
  );
  return { low: mean - DEVIATIONS * spread, high: mean + DEVIATIONS * spread };
}
