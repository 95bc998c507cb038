import assert from "node:assert/strict";
import { test } from "node:test";

import { RequestError } from "../src/http";
import { Autosave, type Keeping } from "../src/reading/edit/autosave";
import type { DrawingState, Shelf } from "../src/reading/edit/server";

const QUICK = { settled: 5, retry: 5 };

/** Keeps revisions as the server does; `fail` makes the next calls fail. */
class Memory implements Shelf {
  revision = 0;
  kept: string[] = [];
  fail: Error[] = [];
  /** How many of the next drawings are kept without an answer that arrives. */
  losesAnswers = 0;

  keep(revision: number, _base: string | null, content: ArrayBuffer): Promise<DrawingState> {
    const failure = this.fail.shift();
    if (failure) return Promise.reject(failure);
    const words = new TextDecoder().decode(content);
    if (revision === this.revision - 1 && words === this.kept.at(-1)) {
      return Promise.resolve(this.answer());
    }
    if (revision !== this.revision) {
      const body = { detail: "Changed elsewhere.", revision: this.revision };
      return Promise.reject(new RequestError(body.detail, 409, body));
    }
    this.revision++;
    this.kept.push(words);
    if (this.losesAnswers-- > 0) return Promise.reject(new RequestError("Away.", 0));
    return Promise.resolve(this.answer());
  }

  private answer(): DrawingState {
    const { revision } = this;
    const edit = { revision, base: null, base_version: null, created_at: "", updated_at: "" };
    return { edit, others: [], newer: null, next_version: 1 };
  }
}

interface Desk {
  shelf: Memory;
  autosave: Autosave;
  heard: Keeping["kind"][];
  draw: (words: string) => void;
}

function desk(shelf = new Memory(), revision = shelf.revision): Desk {
  let drawn = "";
  const heard: Keeping["kind"][] = [];
  const content = () => Promise.resolve(new TextEncoder().encode(drawn).buffer as ArrayBuffer);
  const tell = (keeping: Keeping): void => void heard.push(keeping.kind);
  const autosave = new Autosave(shelf, content, null, revision, tell, QUICK);
  const draw = (words: string): void => {
    drawn = words;
    autosave.changed();
  };
  return { shelf, autosave, heard, draw };
}

const later = (wait: number): Promise<void> => new Promise((done) => setTimeout(done, wait));

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await later(2);
}

test("nothing is sent while nothing is drawn", async () => {
  const { shelf, autosave } = desk();
  await later(20);
  assert.equal(shelf.kept.length, 0);
  assert(autosave.isSafe);
});

test("a change is kept by itself a moment later, several of them at once", async () => {
  const { shelf, autosave, draw, heard } = desk();
  draw("a");
  draw("ab");
  assert(!autosave.isSafe);
  await until(() => autosave.isSafe);
  assert.deepEqual(shelf.kept, ["ab"]);
  assert.deepEqual(heard, ["waiting", "waiting", "keeping", "kept"]);
  draw("abc");
  await until(() => autosave.isSafe);
  assert.deepEqual([shelf.kept.length, autosave.revision], [2, 2]);
});

test("what is drawn while it is being kept is kept after it", async () => {
  const { shelf, autosave, draw } = desk();
  draw("first");
  const flushed = autosave.flush();
  draw("second");
  await flushed;
  await until(() => autosave.isSafe);
  assert.equal(shelf.kept.at(-1), "second");
});

test("a failure is told and tried again until it is kept", async () => {
  const { shelf, autosave, draw, heard } = desk();
  shelf.fail = [new RequestError("Away.", 0), new RequestError("Busy.", 503)];
  draw("a");
  await until(() => autosave.isSafe);
  assert.deepEqual(shelf.kept, ["a"]);
  assert.equal(heard.filter((kind) => kind === "failed").length, 2);
});

test("another window's drawing is not written over unless a person says so", async () => {
  const shelf = new Memory();
  const [one, other] = [desk(shelf), desk(shelf)];
  one.draw("one");
  await until(() => one.autosave.isSafe);
  other.draw("other");
  await until(() => other.autosave.keeping.kind === "conflict");
  other.draw("other again");
  await later(20);
  assert.deepEqual(shelf.kept, ["one"]);
  assert(!(await other.autosave.flush()));
  assert(await other.autosave.takeOver());
  assert.deepEqual(shelf.kept, ["one", "other again"]);
});

test("an answer that is lost on its way is no other window's drawing", async () => {
  const { shelf, autosave, draw, heard } = desk();
  shelf.losesAnswers = 1;
  draw("a");
  await until(() => autosave.keeping.kind === "failed");
  draw("ab");
  assert(await autosave.flush());
  assert.deepEqual(shelf.kept, ["a", "ab"]);
  assert(!heard.includes("conflict"));
});

test("a drawing without a change of its own is sent too where it takes another's place", async () => {
  const shelf = new Memory();
  const [one, other] = [desk(shelf), desk(shelf)];
  one.draw("one");
  await until(() => one.autosave.isSafe);
  assert(!(await other.autosave.flush()));
  assert(await other.autosave.takeOver());
  assert.deepEqual(shelf.kept, ["one", ""]);
});

test("a drawing is kept before it is saved even where nothing was changed", async () => {
  const { shelf, autosave } = desk();
  assert(await autosave.flush());
  assert.equal(shelf.revision, 1);
});
