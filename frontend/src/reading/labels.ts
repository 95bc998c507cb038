/** The labels of one slice, whatever grid the slice has. */
import type { Voxel } from "./manifest";

/**
 * Reads a slice's labels by its own two indices: of each place, the voxel of the labels nearest to
 * it, and nothing outside of them. `first`, `right` and `above` are the slice's first place and its
 * two neighbours as voxels of the labels; another sequence's slices may lie between those.
 */
export function readerOf(
  values: ArrayLike<number>,
  [nx, ny, nz]: Voxel,
  first: Voxel,
  right: Voxel,
  above: Voxel,
): (a: number, u: number) => number {
  const [i, j, k] = first;
  const [ia, ja, ka] = right.map((n, axis) => n - first[axis]!) as Voxel;
  const [iu, ju, ku] = above.map((n, axis) => n - first[axis]!) as Voxel;
  return (a, u) => {
    const x = Math.round(i + a * ia + u * iu);
    const y = Math.round(j + a * ja + u * ju);
    const z = Math.round(k + a * ka + u * ku);
    const isInside = x >= 0 && y >= 0 && z >= 0 && x < nx && y < ny && z < nz;
    return isInside ? values[x + nx * (y + ny * z)]! : 0;
  };
}
