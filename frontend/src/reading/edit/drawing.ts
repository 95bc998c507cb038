/**
 * The labels being drawn, in NiiVue's order of voxels, with how many voxels each value has.
 *
 * Whatever changes them goes through `set`; `commit` gives what changed since the last one, and
 * `touched` the box that has to be drawn anew.
 */
import type { Triple } from "./grid";

/** Voxels that changed, with their values before and after. */
export interface Change {
  indices: Uint32Array;
  before: Uint8Array;
  after: Uint8Array;
}

/** From `low` to `high`, both included. */
export interface Span {
  low: Triple;
  high: Triple;
}

export class Drawing {
  /** How many voxels have each value; those of 0 are not counted. */
  readonly counts = new Float64Array(256);
  private committed: Uint8Array;
  private changed: Span | null = null;
  private fresh: Span | null = null;
  private readonly width: number;
  private readonly area: number;

  constructor(
    readonly labels: Uint8Array,
    readonly dims: Triple,
  ) {
    if (labels.length !== dims[0] * dims[1] * dims[2]) throw new RangeError("labels of another grid");
    this.width = dims[0];
    this.area = dims[0] * dims[1];
    this.committed = labels.slice();
    for (let n = 0; n < labels.length; n++) {
      const value = labels[n]!;
      if (value !== 0) this.counts[value]!++;
    }
  }

  /** How many voxels are drawn at all. */
  get total(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** The values that are there, in ascending order. */
  get values(): number[] {
    return [...this.counts.keys()].filter((value) => this.counts[value]! > 0);
  }

  /** The lowest value that nothing has; null where all are taken. */
  get freeValue(): number | null {
    const free = this.counts.findIndex((count, value) => value > 0 && count === 0);
    return free < 0 ? null : free;
  }

  index(x: number, y: number, z: number): number {
    return x + this.width * y + this.area * z;
  }

  position(index: number): Triple {
    const rest = index % this.area;
    return [rest % this.width, Math.floor(rest / this.width), Math.floor(index / this.area)];
  }

  holds(x: number, y: number, z: number): boolean {
    const [width, height, depth] = this.dims;
    return x >= 0 && y >= 0 && z >= 0 && x < width && y < height && z < depth;
  }

  set(index: number, value: number): void {
    const before = this.labels[index]!;
    if (before === value) return;
    this.labels[index] = value;
    if (before !== 0) this.counts[before]!--;
    if (value !== 0) this.counts[value]!++;
    const at = this.position(index);
    this.changed = grow(this.changed, at);
    this.fresh = grow(this.fresh, at);
  }

  /** The box that changed since this was asked last, or null. */
  takeFresh(): Span | null {
    const fresh = this.fresh;
    this.fresh = null;
    return fresh;
  }

  /** What changed since the last commit, or null where that is nothing. */
  commit(): Change | null {
    const span = this.changed;
    this.changed = null;
    if (span === null) return null;
    const indices: number[] = [];
    const { low, high } = span;
    for (let z = low[2]; z <= high[2]; z++) {
      for (let y = low[1]; y <= high[1]; y++) {
        let index = this.index(low[0], y, z);
        for (let x = low[0]; x <= high[0]; x++, index++) {
          if (this.labels[index] !== this.committed[index]) indices.push(index);
        }
      }
    }
    return indices.length === 0 ? null : this.record(Uint32Array.from(indices));
  }

  private record(indices: Uint32Array): Change {
    const before = new Uint8Array(indices.length);
    const after = new Uint8Array(indices.length);
    indices.forEach((index, n) => {
      before[n] = this.committed[index]!;
      after[n] = this.labels[index]!;
      this.committed[index] = after[n]!;
    });
    return { indices, before, after };
  }

  /** Gives voxels these values as something that is not undone by itself. */
  write(indices: Uint32Array, values: Uint8Array): void {
    indices.forEach((index, n) => {
      this.set(index, values[n]!);
      this.committed[index] = values[n]!;
    });
    this.changed = null;
  }
}

function grow(span: Span | null, [x, y, z]: Triple): Span {
  if (span === null) return { low: [x, y, z], high: [x, y, z] };
  const { low, high } = span;
  if (x < low[0]) low[0] = x;
  if (y < low[1]) low[1] = y;
  if (z < low[2]) low[2] = z;
  if (x > high[0]) high[0] = x;
  if (y > high[1]) high[1] = y;
  if (z > high[2]) high[2] = z;
  return span;
}
