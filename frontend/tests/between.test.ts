import assert from "node:assert/strict";
import { test } from "node:test";

import { fillBetween } from "../src/reading/edit/between";
import { signedDistance } from "../src/reading/edit/distance";
import { Drawing } from "../src/reading/edit/drawing";
import type { Triple } from "../src/reading/edit/grid";
import { pack, unpack } from "../src/reading/edit/packing";

const DIMS: Triple = [30, 32, 12];

function blank(): Drawing {
  return new Drawing(new Uint8Array(DIMS[0] * DIMS[1] * DIMS[2]), DIMS);
}

/** A disc in the slice `at` along the axis `through`. */
function disc(drawing: Drawing, through: number, at: number, radius: number, middle = 14): void {
  drawing.labels.forEach((_, index) => {
    const place = drawing.position(index);
    const off = place.filter((_, axis) => axis !== through).map((n) => n - middle);
    if (place[through] === at && Math.hypot(...off) <= radius) drawing.set(index, 1);
  });
}

function area(drawing: Drawing, z: number): number {
  const size = DIMS[0] * DIMS[1];
  return drawing.labels.slice(z * size, (z + 1) * size).filter((value) => value === 1).length;
}

test("distances are those to the nearest pixel on the other side, in the pixels' own size", () => {
  const [width, height] = [9, 7];
  const inside = Uint8Array.from({ length: 63 }, (_, n) => {
    const [x, y] = [n % width, Math.floor(n / width)];
    return x >= 3 && x <= 5 && y >= 2 && y <= 4 ? 1 : 0;
  });
  const found = signedDistance(inside, width, height, [1, 2]);
  inside.forEach((own, n) => {
    let nearest = Infinity;
    inside.forEach((other, m) => {
      if (other === own) return;
      const across = (n % width) - (m % width);
      const down = 2 * (Math.floor(n / width) - Math.floor(m / width));
      nearest = Math.min(nearest, Math.hypot(across, down));
    });
    assert(Math.abs(found[n]! - (own ? -nearest : nearest)) < 1e-9, `pixel ${n}`);
  });
});

test("the slices between two discs are discs that grow evenly", () => {
  const drawing = blank();
  disc(drawing, 2, 2, 4);
  disc(drawing, 2, 8, 10);
  assert(fillBetween(drawing, 1, 2, [1, 1, 3]) > 0);
  for (let z = 3; z < 8; z++) {
    const radius = 4 + ((z - 2) * 6) / 6;
    const expected = Math.PI * radius ** 2;
    assert(Math.abs(area(drawing, z) - expected) < 0.12 * expected, `slice ${z}`);
    assert(area(drawing, z) >= area(drawing, z - 1));
  }
  assert.equal(area(drawing, 1) + area(drawing, 9), 0);
});

test("gaps are filled along the axis that is meant", () => {
  const drawing = blank();
  disc(drawing, 1, 10, 3, 5);
  disc(drawing, 1, 14, 3, 5);
  assert.equal(fillBetween(drawing, 1, 2, [1, 1, 1]), 0);
  assert(fillBetween(drawing, 1, 1, [1, 1, 1]) > 3 * 20);
  assert.equal(drawing.labels[drawing.index(5, 12, 5)], 1);
});

test("what belongs to another lesion is left to it", () => {
  const drawing = blank();
  disc(drawing, 2, 2, 5);
  disc(drawing, 2, 4, 5);
  drawing.set(drawing.index(14, 14, 3), 7);
  fillBetween(drawing, 1, 2, [1, 1, 1]);
  assert.equal(drawing.labels[drawing.index(14, 14, 3)], 7);
  assert.equal(drawing.labels[drawing.index(15, 14, 3)], 1);
});

test("without a gap there is nothing to fill", () => {
  const drawing = blank();
  disc(drawing, 2, 2, 5);
  disc(drawing, 2, 3, 5);
  assert.equal(fillBetween(drawing, 1, 2, [1, 1, 1]), 0);
  assert.equal(fillBetween(drawing, 9, 2, [1, 1, 1]), 0);
});

test("packed labels come back whole, and small", async () => {
  const labels = new Uint8Array(100_000);
  labels.fill(3, 5_000, 6_000);
  const packed = await pack(labels);
  assert(packed.byteLength < 1_000);
  assert.deepEqual(await unpack(packed), labels);
});
