/** Connected pieces of a drawing: voxels of one value that touch by a face, an edge or a corner. */
import type { Drawing } from "./drawing";

/** The voxels of the piece that holds the voxel `seed`; none where nothing is drawn there. */
export function pieceAt(drawing: Drawing, seed: number): Uint32Array {
  const { labels } = drawing;
  const value = labels[seed]!;
  if (value === 0) return new Uint32Array();
  const found = [seed];
  const seen = new Uint8Array(labels.length);
  seen[seed] = 1;
  for (let n = 0; n < found.length; n++) {
    eachNeighbour(drawing, found[n]!, (next) => {
      if (labels[next] !== value || seen[next] === 1) return;
      seen[next] = 1;
      found.push(next);
    });
  }
  return Uint32Array.from(found);
}

/** Calls `visit` with the voxel itself and the up to 26 around it. */
function eachNeighbour(drawing: Drawing, index: number, visit: (next: number) => void): void {
  const at = drawing.position(index);
  const low = at.map((n) => Math.max(0, n - 1));
  const high = at.map((n, axis) => Math.min(drawing.dims[axis]! - 1, n + 1));
  for (let z = low[2]!; z <= high[2]!; z++) {
    for (let y = low[1]!; y <= high[1]!; y++) {
      for (let x = low[0]!; x <= high[0]!; x++) visit(drawing.index(x, y, z));
    }
  }
}

/** Removes the piece that holds the voxel `seed`; how many voxels that were. */
export function removePiece(drawing: Drawing, seed: number): number {
  const piece = pieceAt(drawing, seed);
  for (const index of piece) drawing.set(index, 0);
  return piece.length;
}
