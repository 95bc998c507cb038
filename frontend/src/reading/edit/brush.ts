/** What one touch of the brush covers: a disc in the plane, or a ball, round in millimetres. */
import type { Drawing } from "./drawing";
import type { Triple } from "./grid";

/** Diameters to choose from, in mm (pixels where there are none); 0 is a single voxel. */
export const SIZES: readonly number[] = [0, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40];

/** Decides on a voxel: its new value, or null to leave it. */
export type Rule = (index: number, value: number) => number | null;

export class Brush {
  private readonly radii: Triple;

  /** `size` is the diameter in the unit of `spacing`; `through` is the axis that a disc lacks. */
  constructor(
    size: number,
    private readonly spacing: Triple,
    through: number | null,
  ) {
    this.radii = spacing.map((step, axis) =>
      axis === through ? 0 : size / 2 / step,
    ) as Triple;
  }

  /** Covers one touch around `centre`, whose fractions count; the voxel under it always. */
  touch(drawing: Drawing, centre: Triple, rule: Rule): void {
    const middle = centre.map(Math.round) as Triple;
    this.cover(drawing, middle, rule);
    const [rx, ry, rz] = this.radii;
    const from = centre.map((c, n) => Math.ceil(n3(c, middle[n]!, this.radii[n]!, -1))) as Triple;
    const to = centre.map((c, n) => Math.floor(n3(c, middle[n]!, this.radii[n]!, 1))) as Triple;
    for (let z = from[2]; z <= to[2]; z++) {
      const dz = share(z - centre[2], rz);
      for (let y = from[1]; y <= to[1]; y++) {
        const dyz = dz + share(y - centre[1], ry);
        if (dyz > 1) continue;
        for (let x = from[0]; x <= to[0]; x++) {
          if (dyz + share(x - centre[0], rx) <= 1) this.cover(drawing, [x, y, z], rule);
        }
      }
    }
  }

  /** Touches all along the way between two places, the second included. */
  stroke(drawing: Drawing, from: Triple, to: Triple, rule: Rule): void {
    const length = Math.hypot(...to.map((end, n) => (end - from[n]!) * this.spacing[n]!));
    const finest = Math.min(...this.spacing);
    const widest = Math.max(...this.radii.map((radius, n) => radius * this.spacing[n]!));
    const count = Math.max(1, Math.ceil(length / Math.max(finest / 2, widest / 3)));
    for (let n = 1; n <= count; n++) {
      const at = from.map((start, axis) => start + ((to[axis]! - start) * n) / count) as Triple;
      this.touch(drawing, at, rule);
    }
  }

  private cover(drawing: Drawing, [x, y, z]: Triple, rule: Rule): void {
    if (!drawing.holds(x, y, z)) return;
    const index = drawing.index(x, y, z);
    const value = rule(index, drawing.labels[index]!);
    if (value !== null) drawing.set(index, value);
  }
}

/** How far the brush reaches along one axis; an axis that it lacks stays on its slice. */
function n3(centre: number, middle: number, radius: number, sign: number): number {
  return radius === 0 ? middle : centre + sign * radius;
}

function share(offset: number, radius: number): number {
  return radius === 0 ? 0 : (offset / radius) ** 2;
}

/** Adds to `lesion` where nothing is drawn yet; other lesions keep what they have. */
export function paintRule(lesion: number): Rule {
  return (_, value) => (value === 0 ? lesion : null);
}

/** Takes away whatever is drawn. */
export const eraseRule: Rule = (_, value) => (value === 0 ? null : 0);

/** Gives what is drawn already to `lesion`; `only`, where named, is the lesion it is taken from. */
export function recolourRule(lesion: number, only: number | null): Rule {
  return (_, value) => {
    if (value === 0 || value === lesion) return null;
    return only === null || value === only ? lesion : null;
  };
}

/** As `rule`, but only where the scan's intensity lies from `low` to `high`. */
export function within(rule: Rule, intensity: ArrayLike<number>, low: number, high: number): Rule {
  return (index, value) => {
    const here = intensity[index]!;
    return here >= low && here <= high ? rule(index, value) : null;
  };
}
