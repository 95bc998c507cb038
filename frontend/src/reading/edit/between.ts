/**
 * Filling the slices between those that were drawn: the shapes of the two are blended by their
 * signed distances, in millimetres (Raya and Udupa, IEEE Transactions on Medical Imaging 9, 1990).
 */
import { signedDistance } from "./distance";
import type { Drawing } from "./drawing";
import type { Triple } from "./grid";

/** A window of a slice: the box that both shapes fill, with a margin. */
interface Frame {
  axes: [number, number];
  low: [number, number];
  size: [number, number];
}

/**
 * Fills each gap between slices that have `value`, along the axis `through`; how many voxels.
 *
 * Only what nothing is drawn on is filled. `spacing` is the voxel's size along NiiVue's axes.
 */
export function fillBetween(
  drawing: Drawing,
  value: number,
  through: number,
  spacing: Triple,
): number {
  const slices = slicesOf(drawing, value, through);
  let filled = 0;
  for (let n = 1; n < slices.length; n++) {
    const [from, to] = [slices[n - 1]!, slices[n]!];
    if (to - from > 1) filled += fillGap(drawing, value, through, from, to, spacing);
  }
  return filled;
}

/** The slices along `through` that have a voxel of `value`, in order. */
function slicesOf(drawing: Drawing, value: number, through: number): number[] {
  const has = new Set<number>();
  drawing.labels.forEach((label, index) => {
    if (label === value) has.add(drawing.position(index)[through]!);
  });
  return [...has].sort((a, b) => a - b);
}

function fillGap(
  drawing: Drawing,
  value: number,
  through: number,
  from: number,
  to: number,
  spacing: Triple,
): number {
  const frame = frameOf(drawing, value, through, [from, to]);
  const steps = frame.axes.map((axis) => spacing[axis]!) as [number, number];
  const [first, last] = [from, to].map((slice) =>
    signedDistance(shapeOf(drawing, value, through, slice, frame), ...frame.size, steps),
  ) as [Float64Array, Float64Array];
  let filled = 0;
  for (let slice = from + 1; slice < to; slice++) {
    const share = (slice - from) / (to - from);
    first.forEach((distance, n) => {
      if ((1 - share) * distance + share * last[n]! > 0) return;
      const index = indexIn(drawing, through, slice, frame, n);
      if (drawing.labels[index] !== 0) return;
      drawing.set(index, value);
      filled++;
    });
  }
  return filled;
}

function frameOf(drawing: Drawing, value: number, through: number, slices: number[]): Frame {
  const axes = [0, 1, 2].filter((axis) => axis !== through) as [number, number];
  const whole: Frame = {
    axes,
    low: [0, 0],
    size: axes.map((axis) => drawing.dims[axis]!) as [number, number],
  };
  const low: [number, number] = [...whole.size];
  const high: [number, number] = [0, 0];
  for (const slice of slices) {
    shapeOf(drawing, value, through, slice, whole).forEach((inside, n) => {
      if (inside === 0) return;
      const at = [n % whole.size[0], Math.floor(n / whole.size[0])];
      for (const k of [0, 1] as const) {
        low[k] = Math.min(low[k], at[k]!);
        high[k] = Math.max(high[k], at[k]!);
      }
    });
  }
  // A margin of one, so that there is an outside to be distant from.
  const start = low.map((at) => Math.max(0, at - 1)) as [number, number];
  const end = high.map((at, k) => Math.min(whole.size[k]! - 1, at + 1));
  return { axes, low: start, size: end.map((at, k) => at - start[k]! + 1) as [number, number] };
}

function indexIn(
  drawing: Drawing,
  through: number,
  slice: number,
  frame: Frame,
  n: number,
): number {
  const at: Triple = [0, 0, 0];
  at[through] = slice;
  at[frame.axes[0]] = frame.low[0] + (n % frame.size[0]);
  at[frame.axes[1]] = frame.low[1] + Math.floor(n / frame.size[0]);
  return drawing.index(...at);
}

function shapeOf(
  drawing: Drawing,
  value: number,
  through: number,
  slice: number,
  frame: Frame,
): Uint8Array {
  const shape = new Uint8Array(frame.size[0] * frame.size[1]);
  return shape.map((_, n) => {
    const label = drawing.labels[indexIn(drawing, through, slice, frame, n)];
    return label === value ? 1 : 0;
  });
}
