/**
 * Whole label arrays between the two orders of voxels: the file's, in which the server keeps them,
 * and NiiVue's, in which they are drawn. Nothing is resampled: each voxel has its place in both.
 *
 * In both orders the first axis is the fastest. NiiVue's `permRAS` says for each of its axes which
 * of the file's it is, counted from 1, negative where it runs the other way.
 */
export type Triple = [number, number, number];

/** NiiVue's shape of a file of `shape`. */
export function rasDims(shape: Triple, permRAS: ArrayLike<number>): Triple {
  return [0, 1, 2].map((n) => shape[Math.abs(permRAS[n]!) - 1]!) as Triple;
}

/** For each of NiiVue's axes: where its first voxel starts in the file, and how far one step is. */
function steps(shape: Triple, permRAS: ArrayLike<number>): { start: number; step: Triple } {
  const strides: Triple = [1, shape[0], shape[0] * shape[1]];
  let start = 0;
  const step = [0, 1, 2].map((n) => {
    const axis = Math.abs(permRAS[n]!) - 1;
    const isFlipped = permRAS[n]! < 0;
    if (isFlipped) start += (shape[axis]! - 1) * strides[axis]!;
    return isFlipped ? -strides[axis]! : strides[axis]!;
  }) as Triple;
  return { start, step };
}

/** Calls `each` with the index in NiiVue's order and in the file's, for every voxel. */
function walk(
  shape: Triple,
  permRAS: ArrayLike<number>,
  each: (ras: number, file: number) => void,
): void {
  const [width, height, depth] = rasDims(shape, permRAS);
  const { start, step } = steps(shape, permRAS);
  let ras = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      let file = start + z * step[2] + y * step[1];
      for (let x = 0; x < width; x++, ras++, file += step[0]) each(ras, file);
    }
  }
}

function checkLength(labels: Uint8Array, shape: Triple): void {
  const expected = shape[0] * shape[1] * shape[2];
  if (labels.length !== expected) {
    throw new RangeError(`${labels.length} labels are not those of a grid of ${expected} voxels`);
  }
}

/** Labels in NiiVue's order as the server takes them. Throws RangeError for a wrong length. */
export function toFileOrder(
  labels: Uint8Array,
  shape: Triple,
  permRAS: ArrayLike<number>,
): Uint8Array<ArrayBuffer> {
  checkLength(labels, shape);
  const file = new Uint8Array(labels.length);
  walk(shape, permRAS, (from, to) => {
    file[to] = labels[from]!;
  });
  return file;
}

/** The inverse of `toFileOrder`. */
export function toRasOrder(
  labels: Uint8Array,
  shape: Triple,
  permRAS: ArrayLike<number>,
): Uint8Array<ArrayBuffer> {
  checkLength(labels, shape);
  const ras = new Uint8Array(labels.length);
  walk(shape, permRAS, (to, from) => {
    ras[to] = labels[from]!;
  });
  return ras;
}
