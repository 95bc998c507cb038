import assert from "node:assert/strict";
import { test } from "node:test";

import { rasDims, toFileOrder, toRasOrder, type Triple } from "../src/reading/edit/grid";

const SHAPE: Triple = [3, 4, 5];

function numbered(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, n) => n + 1);
}

function permutations(): number[][] {
  const orders = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]];
  const signs = [[1, 1, 1], [-1, 1, 1], [1, -1, 1], [1, 1, -1], [-1, -1, 1], [-1, -1, -1]];
  return orders.flatMap((order) => signs.map((sign) => order.map((axis, n) => axis * sign[n]!)));
}

test("a RAS file is stored as it is drawn", () => {
  const labels = numbered(60);
  assert.deepEqual(toFileOrder(labels, SHAPE, [1, 2, 3]), labels);
});

test("a LAS file is drawn with its first axis turned round", () => {
  const file = new Uint8Array(60);
  file[0 + 3 * (1 + 4 * 2)] = 7; // voxel [0, 1, 2]
  const ras = toRasOrder(file, SHAPE, [-1, 2, 3]);
  assert.equal(ras.indexOf(7), 2 + 3 * (1 + 4 * 2));
});

test("an axis that is another one in the file is found there", () => {
  const file = new Uint8Array(60);
  file[1 + 3 * (2 + 4 * 4)] = 9; // voxel [1, 2, 4]
  const order = [3, -1, 2]; // drawn x is the file's third axis, y its first turned round, z its second
  assert.deepEqual(rasDims(SHAPE, order), [5, 3, 4]);
  const ras = toRasOrder(file, SHAPE, order);
  assert.equal(ras.indexOf(9), 4 + 5 * (1 + 3 * 2));
});

test("there and back changes nothing in any orientation", () => {
  const labels = numbered(60);
  for (const order of permutations()) {
    assert.deepEqual(toRasOrder(toFileOrder(labels, SHAPE, order), SHAPE, order), labels);
    assert.deepEqual(toFileOrder(toRasOrder(labels, SHAPE, order), SHAPE, order), labels);
  }
});

test("labels of another grid are refused", () => {
  assert.throws(() => toFileOrder(numbered(59), SHAPE, [1, 2, 3]), RangeError);
  assert.throws(() => toRasOrder(numbered(61), SHAPE, [1, 2, 3]), RangeError);
});
