import assert from "node:assert/strict";
import { test } from "node:test";

import type { NVImage } from "@niivue/niivue";

import type { Matrix, ScanFacts, VolumeFacts, Voxel } from "../src/reading/manifest";
import { Space } from "../src/reading/space";

function facts(shape: Voxel, slice: number, start = 0): VolumeFacts {
  const grid: Matrix = [
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, slice, start],
    [0, 0, 0, 1],
  ];
  return { shape, grid, affine: grid } as VolumeFacts;
}

const image = { permRAS: [1, 2, 3] } as unknown as NVImage;
/** Five slices of 6 mm, and thirty-six of 1 mm that begin below and end above them. */
const thick = facts([20, 20, 5], 6);
const thin = facts([20, 20, 36], 1, -4);

function showing(shown: VolumeFacts): Space {
  const space = new Space(thick as unknown as ScanFacts, thick);
  space.take(image, thick);
  space.take(image, shown);
  return space;
}

test("on its own grid the crosshair stands on a voxel", () => {
  const space = showing(thick);
  assert.deepEqual(space.stand([3.4, 19.6, -2]), [3, 19, 0]);
});

test("every slice of a finer sequence is reached one by one, beyond the scan being read too", () => {
  const space = showing(thin);
  let at = space.stand(space.fromShown([10, 10, 0]));
  for (let slice = 1; slice < 36; slice++) {
    const shown = space.toShown(at).map(Math.round) as Voxel;
    at = space.stand(space.fromShown([shown[0], shown[1], shown[2] + 1]));
    assert.equal(Math.round(space.toShown(at)[2]), slice);
  }
  assert.deepEqual(space.nearest(at), [10, 10, 4]);
});
