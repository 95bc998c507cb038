/**
 * Lengths and angles between voxels of the file, in millimetres or, without a size, in pixels.
 *
 * What is shown while a line is drawn comes from here; what is kept is worked out by the server.
 */
import type { ScanFacts, Voxel } from "../manifest";

export type Vector = [number, number, number];

const subtract = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const add = (a: Vector, b: Vector, times = 1): Vector => [
  a[0] + times * b[0],
  a[1] + times * b[1],
  a[2] + times * b[2],
];
const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** Straight lines on one grid. `axes` are those of the file that a slice runs along. */
export class Ruler {
  private readonly steps: [Vector, Vector, Vector];
  readonly unit: "mm" | "px";
  /** Whether degrees mean anything: voxels of unknown size are not taken for cubes. */
  readonly hasAngles: boolean;

  constructor(scan: Pick<ScanFacts, "has_physical_size" | "grid" | "kind">) {
    const { grid } = scan;
    const column = (c: number): Vector => [grid[0][c]!, grid[1][c]!, grid[2][c]!];
    const sized = scan.has_physical_size;
    this.unit = sized ? "mm" : "px";
    this.hasAngles = sized || scan.kind === "picture";
    this.steps = sized
      ? [column(0), column(1), column(2)]
      : [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
        ];
  }

  private world(step: Vector): Vector {
    const [a, b, c] = this.steps;
    return add(add([a[0] * step[0], a[1] * step[0], a[2] * step[0]], b, step[1]), c, step[2]);
  }

  length(from: Voxel, to: Voxel): number {
    const step = this.world(subtract(to, from));
    return Math.sqrt(dot(step, step));
  }

  /** The angle at `corner` in degrees, 0 to 180. */
  angle(one: Voxel, corner: Voxel, other: Voxel): number {
    const a = this.world(subtract(one, corner));
    const b = this.world(subtract(other, corner));
    const cross: Vector = [
      a[1] * b[2] - a[2] * b[1],
      a[2] * b[0] - a[0] * b[2],
      a[0] * b[1] - a[1] * b[0],
    ];
    return (Math.atan2(Math.sqrt(dot(cross, cross)), dot(a, b)) * 180) / Math.PI;
  }

  /** The step in voxels, one mm long, at a right angle to a line within the slice of `axes`. */
  private across([from, to]: [Voxel, Voxel], axes: [number, number]): Vector {
    const along = this.world(subtract(to, from));
    const [u, v] = axes;
    const step: Vector = [0, 0, 0];
    // What is at a right angle to `along` in the plane that both of the slice's axes span.
    step[u] = dot(this.steps[v]!, along);
    step[v] = -dot(this.steps[u]!, along);
    const world = this.world(step);
    const size = Math.sqrt(dot(world, world)) || 1;
    return [step[0] / size, step[1] / size, step[2] / size];
  }

  /** `point` against a line: how far along it, as a share of it, and how far off it in mm. */
  private relative(point: Voxel, line: [Voxel, Voxel], axes: [number, number]): [number, number] {
    const along = this.world(subtract(line[1], line[0]));
    const off = this.world(subtract(point, line[0]));
    const across = this.world(this.across(line, axes));
    return [dot(off, along) / (dot(along, along) || 1), dot(off, across)];
  }

  private placed(
    share: number,
    off: number,
    line: [Voxel, Voxel],
    axes: [number, number],
  ): Voxel {
    const foot = add(line[0], subtract(line[1], line[0]), share);
    return add(foot, this.across(line, axes), off);
  }

  /** Where `point` comes to lie if it must be straight across the line from `start`. */
  snapAcross(start: Voxel, point: Voxel, line: [Voxel, Voxel], axes: [number, number]): Voxel {
    const [share] = this.relative(start, line, axes);
    const [, off] = this.relative(point, line, axes);
    return this.placed(share, off, line, axes);
  }

  /**
   * Two diameters after end `n` was moved to `to`; they stay at a right angle to each other.
   *
   * The crossing line keeps its lengths and where it crosses while an end of the first is moved,
   * and slides along the first while one of its own is.
   */
  moveDiameter(points: Voxel[], n: number, to: Voxel, axes: [number, number]): Voxel[] {
    const [a, b, c, d] = points as [Voxel, Voxel, Voxel, Voxel];
    const line: [Voxel, Voxel] = [a, b];
    if (n < 2) {
      const moved: [Voxel, Voxel] = n === 0 ? [to, b] : [a, to];
      const [one, other] = [this.relative(c, line, axes), this.relative(d, line, axes)];
      return [
        ...moved,
        this.placed(one[0], one[1], moved, axes),
        this.placed(other[0], other[1], moved, axes),
      ];
    }
    const fixed = n === 2 ? d : c;
    const [share, off] = this.relative(to, line, axes);
    const mine = this.placed(share, off, line, axes);
    const opposite = this.placed(share, this.relative(fixed, line, axes)[1], line, axes);
    return n === 2 ? [a, b, mine, opposite] : [a, b, opposite, mine];
  }
}
