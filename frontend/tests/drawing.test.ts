import assert from "node:assert/strict";
import { test } from "node:test";

import { Brush, eraseRule, paintRule, recolourRule, within } from "../src/reading/edit/brush";
import { pieceAt, removePiece } from "../src/reading/edit/components";
import { Drawing } from "../src/reading/edit/drawing";
import type { Triple } from "../src/reading/edit/grid";
import { History } from "../src/reading/edit/history";

function blank(dims: Triple = [20, 20, 20]): Drawing {
  return new Drawing(new Uint8Array(dims[0] * dims[1] * dims[2]), dims);
}

function drawn(drawing: Drawing): Triple[] {
  const found: Triple[] = [];
  drawing.labels.forEach((value, index) => {
    if (value !== 0) found.push(drawing.position(index));
  });
  return found;
}

test("the smallest brush covers the one voxel under it", () => {
  const drawing = blank();
  new Brush(0, [1, 1, 3], null).touch(drawing, [3.4, 5.6, 7], paintRule(2));
  assert.deepEqual(drawn(drawing), [[3, 6, 7]]);
  assert.equal(drawing.counts[2], 1);
});

test("a disc stays in its slice and a ball does not", () => {
  const disc = blank();
  new Brush(6, [1, 1, 1], 2).touch(disc, [10, 10, 10], paintRule(1));
  assert.deepEqual(new Set(drawn(disc).map(([, , z]) => z)), new Set([10]));
  assert.equal(disc.total, 29); // the pixels within 3 of the middle
  const ball = blank();
  new Brush(6, [1, 1, 1], null).touch(ball, [10, 10, 10], paintRule(1));
  assert.equal(ball.total, 123); // the voxels within 3 of the middle
});

test("a ball is round in millimetres, whatever the voxels are", () => {
  const drawing = blank();
  new Brush(8, [1, 2, 4], null).touch(drawing, [10, 10, 10], paintRule(1));
  const reach = [0, 1, 2].map((axis) => Math.max(...drawn(drawing).map((at) => at[axis]! - 10)));
  assert.deepEqual(reach, [4, 2, 1]);
});

test("a stroke leaves no hole however fast the pointer was", () => {
  const drawing = blank([40, 20, 5]);
  new Brush(2, [1, 1, 1], 2).stroke(drawing, [2, 3, 2], [36, 15, 2], paintRule(1));
  for (let x = 2; x <= 36; x++) {
    const y = Math.round(3 + ((x - 2) * 12) / 34);
    assert.equal(drawing.labels[drawing.index(x, y, 2)], 1, `at ${x}`);
  }
});

test("the edge of the volume is no trouble", () => {
  const drawing = blank([6, 6, 6]);
  new Brush(4, [1, 1, 1], null).touch(drawing, [0, 5, 0], paintRule(1));
  assert.equal(drawn(drawing).length, drawing.total);
  new Brush(4, [1, 1, 1], null).touch(drawing, [-9, 2, 3], paintRule(1));
  assert.equal(drawn(drawing).length, drawing.total);
});

test("painting takes nothing from other lesions, erasing takes from all", () => {
  const drawing = blank();
  drawing.set(drawing.index(10, 10, 10), 5);
  const brush = new Brush(4, [1, 1, 1], 2);
  brush.touch(drawing, [10, 10, 10], paintRule(1));
  assert.deepEqual(drawing.values, [1, 5]);
  brush.touch(drawing, [10, 10, 10], eraseRule);
  assert.equal(drawing.total, 0);
});

test("splitting gives away only what is drawn, and only of the lesion meant", () => {
  const drawing = blank();
  drawing.set(drawing.index(10, 10, 10), 5);
  drawing.set(drawing.index(11, 10, 10), 6);
  const brush = new Brush(4, [1, 1, 1], 2);
  brush.touch(drawing, [10, 10, 10], recolourRule(9, 5));
  assert.deepEqual(drawing.values, [6, 9]);
  brush.touch(drawing, [10, 10, 10], recolourRule(9, null));
  assert.deepEqual([drawing.values, drawing.total], [[9], 2]);
});

test("a bounded brush paints only where the intensity lies between", () => {
  const drawing = blank();
  const intensity = Float32Array.from(drawing.labels, (_, n) => drawing.position(n)[0]);
  const rule = within(paintRule(1), intensity, 9, 11);
  new Brush(8, [1, 1, 1], 2).touch(drawing, [10, 10, 10], rule);
  assert.deepEqual([...new Set(drawn(drawing).map(([x]) => x))].sort(), [10, 11, 9]);
});

test("a commit names exactly what changed since the last one", () => {
  const drawing = blank();
  drawing.set(drawing.index(1, 2, 3), 4);
  drawing.set(drawing.index(1, 2, 4), 4);
  drawing.set(drawing.index(1, 2, 4), 0);
  const change = drawing.commit();
  assert.deepEqual([...change!.indices], [drawing.index(1, 2, 3)]);
  assert.deepEqual([[...change!.before], [...change!.after]], [[0], [4]]);
  assert.equal(drawing.commit(), null);
});

test("undo and redo go back and forth through whole strokes", () => {
  const drawing = blank();
  const history = new History(drawing);
  const states = [drawing.labels.slice()];
  for (const at of [[4, 4, 4], [6, 4, 4], [5, 5, 5]] as Triple[]) {
    new Brush(4, [1, 1, 1], null).touch(drawing, at, paintRule(at[0]));
    assert(history.commit());
    states.push(drawing.labels.slice());
  }
  for (const state of states.slice(0, -1).reverse()) {
    assert(history.undo());
    assert.deepEqual(drawing.labels, state);
  }
  assert(!history.undo());
  assert.equal(drawing.total, 0);
  for (const state of states.slice(1)) {
    assert(history.redo());
    assert.deepEqual(drawing.labels, state);
  }
  assert(!history.redo());
  assert.equal(drawing.counts[4], states[3]!.filter((value) => value === 4).length);
});

test("what is drawn after an undo takes the place of what was undone", () => {
  const drawing = blank();
  const history = new History(drawing);
  drawing.set(5, 1);
  history.commit();
  history.undo();
  drawing.set(6, 1);
  history.commit();
  assert(!history.canRedo);
  history.undo();
  assert.equal(drawing.total, 0);
});

test("only so much is kept to be undone, the newest of it", () => {
  const drawing = blank();
  const history = new History(drawing, 60);
  for (let index = 0; index < 30; index++) {
    drawing.set(index, 1);
    history.commit();
  }
  while (history.canUndo) history.undo();
  assert.equal(drawing.total, 20);
});

test("a piece is what touches by a face, an edge or a corner and has the same value", () => {
  const drawing = blank();
  for (const [at, value] of [
    [[5, 5, 5], 1],
    [[6, 6, 6], 1],
    [[7, 6, 6], 2],
    [[9, 9, 9], 1],
  ] as [Triple, number][]) {
    drawing.set(drawing.index(...at), value);
  }
  assert.equal(pieceAt(drawing, drawing.index(5, 5, 5)).length, 2);
  assert.equal(pieceAt(drawing, drawing.index(1, 1, 1)).length, 0);
  assert.equal(removePiece(drawing, drawing.index(6, 6, 6)), 2);
  assert.deepEqual(drawing.values, [1, 2]);
});

test("the free value is the lowest that nothing has", () => {
  const drawing = blank();
  assert.equal(drawing.freeValue, 1);
  drawing.set(0, 1);
  drawing.set(1, 3);
  assert.equal(drawing.freeValue, 2);
});
