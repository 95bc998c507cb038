import assert from "node:assert/strict";
import { test } from "node:test";

import { readerOf } from "../src/reading/labels";
import type { Voxel } from "../src/reading/manifest";

const SHAPE: Voxel = [4, 3, 2];
const labels = Uint8Array.from({ length: 24 }, (_, n) => n);

test("a slice of the labels' own grid is read voxel by voxel, turned as it is shown", () => {
  // The first axis runs the other way on the screen.
  const read = readerOf(labels, SHAPE, [3, 0, 1], [2, 0, 1], [3, 1, 1]);
  assert.deepEqual([read(0, 0), read(3, 0), read(1, 2)], [15, 12, 22]);
});

test("on another grid each place has the nearest voxel, and nothing outside of the labels", () => {
  const read = readerOf(labels, SHAPE, [-0.6, 0.2, 0.4], [-0.1, 0.2, 0.4], [-0.6, 0.7, 0.4]);
  assert.equal(read(0, 0), 0);
  assert.deepEqual([read(2, 0), read(3, 0), read(3, 1)], [0, 1, 5]);
  assert.equal(read(9, 0), 0);
  assert.equal(read(3, 9), 0);
});
