/** What the server says of the two sides; segmentation/selectors/comparing.py writes it. */
import type { Manifest, Matrix } from "../reading/manifest";

export interface Layers {
  id: string;
  /** From millimetres of the earlier scan to those of the later one. */
  matrix: Matrix;
  difference_url: string;
  later_url: string;
  later_mask_url: string;
}

export interface Pair {
  earlier: Manifest;
  later: Manifest;
  /** Both files place the same voxels in the same places. */
  same_grid: boolean;
}

function read<T>(id: string): T | null {
  const written = document.getElementById(id)?.textContent;
  return written ? (JSON.parse(written) as T) : null;
}

export function readPair(): Pair {
  const pair = read<Pair>("pair");
  if (pair === null) throw new Error("the page carries no pair of scans");
  return pair;
}

/** The files of the finished comparison; null while there is none. */
export function readLayers(): Layers | null {
  return read<Layers>("comparison-layers");
}
