import assert from "node:assert/strict";
import { test } from "node:test";

import type { Matrix, Voxel } from "../src/reading/manifest";
import { Ruler } from "../src/reading/measure/geometry";

// Sheared and oblique: the axes are neither as long as each other nor at right angles.
const GRID: Matrix = [
  [0.9, 0.3, 0.2, -40],
  [-0.2, 1.6, 0.4, 12],
  [0.1, -0.3, 4.1, 5],
  [0, 0, 0, 1],
];
const AXES: [number, number] = [0, 1];
const oblique = new Ruler({ has_physical_size: true, grid: GRID, kind: "volume" });
const unsized = new Ruler({ has_physical_size: false, grid: GRID, kind: "volume" });

function place(voxel: Voxel): number[] {
  return [0, 1, 2].map((r) => GRID[r]!.slice(0, 3).reduce((sum, v, c) => sum + v * voxel[c]!, 0));
}

function isClose(found: number, expected: number): void {
  assert(Math.abs(found - expected) < 1e-9, `${found} is not ${expected}`);
}

function between([a, b, c, d]: Voxel[]): number {
  const zero: Voxel = [0, 0, 0];
  const step = (from: Voxel, to: Voxel): Voxel => [0, 1, 2].map((n) => to[n]! - from[n]!) as Voxel;
  return oblique.angle(step(a!, b!), zero, step(c!, d!));
}

test("a length is that between the two places in the world", () => {
  const [a, b]: [Voxel, Voxel] = [[2, 3.5, 4], [11, 8, 6.25]];
  const [from, to] = [place(a), place(b)];
  isClose(oblique.length(a, b), Math.hypot(...to.map((n, axis) => n - from[axis]!)));
  assert.equal(oblique.unit, "mm");
});

test("without a reliable size lengths are in pixels and a volume has no angles", () => {
  isClose(unsized.length([0, 0, 7], [3, 4, 7]), 5);
  assert.equal(unsized.unit, "px");
  assert.equal(unsized.hasAngles, false);
  const picture = new Ruler({ has_physical_size: false, grid: GRID, kind: "picture" });
  isClose(picture.angle([9, 0, 0], [0, 0, 0], [9, 9, 0]), 45);
});

test("the crossing line snaps to a right angle in millimetres and stays on its slice", () => {
  const line: [Voxel, Voxel] = [[10, 20, 6], [30, 26, 6]];
  const start: Voxel = [18, 12, 6];
  const end = oblique.snapAcross(start, [23, 40, 6], line, AXES);
  isClose(between([...line, start, end]), 90);
  isClose(end[2], 6);
});

const CROSS: Voxel[] = [[10, 20, 6], [30, 26, 6], [18, 12, 6], [0, 0, 0]];
CROSS[3] = oblique.snapAcross(CROSS[2]!, [23, 40, 6], [CROSS[0]!, CROSS[1]!], AXES);

test("moving an end of the longest keeps the other's length and the right angle", () => {
  for (const end of [0, 1]) {
    const moved = oblique.moveDiameter(CROSS, end, [33, 31, 6], AXES);
    assert.deepEqual(moved[end], [33, 31, 6]);
    assert.deepEqual(moved[1 - end], CROSS[1 - end]);
    isClose(Math.abs(between(moved) - 90), 0);
    isClose(oblique.length(moved[2]!, moved[3]!), oblique.length(CROSS[2]!, CROSS[3]!));
  }
});

test("moving an end of the crossing line slides it along the longest, which stays", () => {
  for (const end of [2, 3]) {
    const moved = oblique.moveDiameter(CROSS, end, [20, 9, 6], AXES);
    assert.deepEqual(moved.slice(0, 2), CROSS.slice(0, 2));
    moved[end]!.forEach((n, axis) => isClose(n, [20, 9, 6][axis]!));
    isClose(between(moved), 90);
  }
});

test("an end that is moved to where it is leaves the diameters as they are", () => {
  for (const end of [0, 1, 2, 3]) {
    const moved = oblique.moveDiameter(CROSS, end, CROSS[end]!, AXES);
    moved.forEach((point, n) => point.forEach((v, axis) => isClose(v, CROSS[n]![axis]!)));
  }
});
