/**
 * Exact Euclidean distances in the plane, by the lower envelope of parabolas along one axis after
 * the other (Felzenszwalb and Huttenlocher, Theory of Computing 8, 2012).
 */
const FAR = 1e20;

/** One line of squared distances: the least of `f[q] + (step (p - q))²` over q, for each p. */
function envelope(f: Float64Array, step: number): Float64Array {
  const count = f.length;
  const weight = step * step;
  const apex = new Int32Array(count);
  const bound = new Float64Array(count + 1);
  const meet = (q: number, p: number): number =>
    (f[q]! + weight * q * q - (f[p]! + weight * p * p)) / (2 * weight * (q - p));
  let last = 0;
  bound[0] = -Infinity;
  bound[1] = Infinity;
  for (let q = 1; q < count; q++) {
    let at = meet(q, apex[last]!);
    while (at <= bound[last]!) at = meet(q, apex[--last]!);
    apex[++last] = q;
    bound[last] = at;
    bound[last + 1] = Infinity;
  }
  const least = new Float64Array(count);
  for (let p = 0, k = 0; p < count; p++) {
    while (bound[k + 1]! < p) k++;
    least[p] = weight * (p - apex[k]!) ** 2 + f[apex[k]!]!;
  }
  return least;
}

/** The squared distance of each pixel to the nearest for which `isInside` is `wanted`. */
function squaredTo(
  inside: Uint8Array,
  wanted: 0 | 1,
  width: number,
  height: number,
  steps: [number, number],
): Float64Array {
  const squared = Float64Array.from(inside, (value) => (value === wanted ? 0 : FAR));
  for (let x = 0; x < width; x++) {
    const column = new Float64Array(height);
    for (let y = 0; y < height; y++) column[y] = squared[x + width * y]!;
    envelope(column, steps[1]).forEach((value, y) => {
      squared[x + width * y] = value;
    });
  }
  for (let y = 0; y < height; y++) {
    squared.set(envelope(squared.slice(y * width, (y + 1) * width), steps[0]), y * width);
  }
  return squared;
}

/**
 * How far each pixel is from the edge of the shape: negative inside, positive outside.
 *
 * `inside` is 1 or 0, row after row; `steps` is the size of a pixel across and down.
 */
export function signedDistance(
  inside: Uint8Array,
  width: number,
  height: number,
  steps: [number, number],
): Float64Array {
  const out = squaredTo(inside, 1, width, height, steps);
  const within = squaredTo(inside, 0, width, height, steps);
  return out.map((value, n) => Math.sqrt(value) - Math.sqrt(within[n]!));
}
