import assert from "node:assert/strict";
import { test } from "node:test";

import { nearest, step } from "../src/course/places";

test("the nearest place is found, whatever the order", () => {
  assert.equal(nearest([10, 50, 90], 65), 1);
  assert.equal(nearest([90, 10, 50], 100), 0);
  assert.equal(nearest([], 5), -1);
});

test("stepping stays within the places", () => {
  assert.equal(step(0, -1, 3), 0);
  assert.equal(step(1, 1, 3), 2);
  assert.equal(step(2, 1, 3), 2);
});
