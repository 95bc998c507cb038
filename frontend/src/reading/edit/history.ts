/** What can be undone and redone: changes, no more of them than fit into a bound of memory. */
import type { Change, Drawing } from "./drawing";

const BYTES_A_VOXEL = 6;
const ROOM = 96 * 2 ** 20;

export class History {
  private readonly done: Change[] = [];
  private undone: Change[] = [];
  private size = 0;

  /** `room` is how many bytes the changes may take; the oldest are forgotten beyond it. */
  constructor(
    private readonly drawing: Drawing,
    private readonly room = ROOM,
  ) {}

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  /** Takes what changed since the last time as one step; whether anything had. */
  commit(): boolean {
    const change = this.drawing.commit();
    if (change === null) return false;
    this.done.push(change);
    this.size += bytes(change);
    for (const dropped of this.undone) this.size -= bytes(dropped);
    this.undone = [];
    while (this.size > this.room && this.done.length > 1) this.size -= bytes(this.done.shift()!);
    return true;
  }

  /** Whether there was something to undo. */
  undo(): boolean {
    const change = this.done.pop();
    if (change === undefined) return false;
    this.drawing.write(change.indices, change.before);
    this.undone.push(change);
    return true;
  }

  redo(): boolean {
    const change = this.undone.pop();
    if (change === undefined) return false;
    this.drawing.write(change.indices, change.after);
    this.done.push(change);
    return true;
  }
}

function bytes(change: Change): number {
  return change.indices.length * BYTES_A_VOXEL;
}
