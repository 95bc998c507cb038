/** Which of some places along the axis is meant. */

/** The index of the place nearest to `x`; -1 without places. */
export function nearest(places: number[], x: number): number {
  let best = -1;
  places.forEach((place, n) => {
    if (best < 0 || Math.abs(place - x) < Math.abs((places[best] ?? 0) - x)) best = n;
  });
  return best;
}

/** The next index in a direction; it stays at the ends. */
export function step(at: number, way: -1 | 1, count: number): number {
  return Math.min(count - 1, Math.max(0, at + way));
}
