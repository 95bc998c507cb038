import assert from "node:assert/strict";
import { test } from "node:test";

import { Drawing } from "../src/reading/edit/drawing";
import { Session } from "../src/reading/edit/session";

interface Desk {
  drawing: Drawing;
  session: Session;
  /** How often something was told to be finished, and so to be kept. */
  finished: () => number;
}

function desk(): Desk {
  const drawing = new Drawing(new Uint8Array(1000), [10, 10, 10]);
  let finished = 0;
  const session = new Session(drawing, [1, 1, 1], (isFinished) => void (finished += Number(isFinished)));
  session.sizeStep = 0;
  return { drawing, session, finished: () => finished };
}

test("undo while a stroke is under way takes that stroke back, all of it", () => {
  const { drawing, session } = desk();
  session.begin("brush", [1, 1, 1], 2, null);
  session.end();
  session.begin("brush", [2, 5, 5], 2, null);
  session.move([6, 5, 5]);
  assert(session.undo());
  assert.equal(drawing.total, 1);
  session.move([6, 6, 5]);
  session.end();
  assert.equal(drawing.total, 1);
  assert(session.redo());
  assert.equal(drawing.total, 6);
  assert(session.undo() && session.undo());
  assert.equal(drawing.total, 0);
});

test("nothing is drawn while it is being saved, and what was under way is done", () => {
  const { drawing, session, finished } = desk();
  session.begin("brush", [2, 5, 5], 2, null);
  session.hold(true);
  assert.equal(finished(), 1);
  session.move([8, 5, 5]);
  session.begin("brush", [2, 2, 2], 2, null);
  session.end();
  assert(!session.undo() && !session.redo());
  assert.equal(session.fill(2), 0);
  assert.equal(drawing.total, 1);
  session.hold(false);
  assert(session.undo());
  assert.equal(drawing.total, 0);
});
