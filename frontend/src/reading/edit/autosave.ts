/**
 * Keeping a drawing on the server a moment after each change, under a revision number. What could
 * not be kept is tried again; where another window keeps another drawing, a person has to choose.
 */
import { RequestError } from "../../http";
import type { DrawingState, Shelf } from "./server";

export type Keeping =
  | { kind: "unchanged" }
  | { kind: "waiting" }
  | { kind: "keeping" }
  | { kind: "kept"; at: Date }
  | { kind: "failed"; message: string }
  | { kind: "conflict"; message: string; revision: number };

const SETTLED = 1500;
const FIRST_RETRY = 3000;
const LONGEST_RETRY = 30_000;

interface Sending {
  changes: number;
  content: ArrayBuffer;
}

export interface Timing {
  settled: number;
  retry: number;
}

export class Autosave {
  keeping: Keeping = { kind: "unchanged" };
  private changes = 0;
  private keptChanges = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: Promise<void> | null = null;
  private failures = 0;
  private isStopped = false;
  /** What was sent and never answered: it may be kept, so it goes first, and again as it was. */
  private unanswered: Sending | null = null;

  /** `revision` is what is kept already, 0 for nothing; `content` gives the packed labels. */
  constructor(
    private readonly shelf: Shelf,
    private readonly content: () => Promise<ArrayBuffer>,
    private readonly base: string | null,
    public revision: number,
    private readonly tell: (keeping: Keeping, state: DrawingState | null) => void,
    private readonly timing: Timing = { settled: SETTLED, retry: FIRST_RETRY },
  ) {}

  /** Whether everything that was drawn is on the server. */
  get isSafe(): boolean {
    return this.isStopped || this.changes === this.keptChanges;
  }

  /** Something was drawn: it will be kept soon. */
  changed(): void {
    this.changes++;
    if (this.keeping.kind === "conflict") return;
    if (this.keeping.kind !== "failed") this.say({ kind: "waiting" });
    this.plan(this.timing.settled);
  }

  /** Keeps what there is now; whether it is on the server then. */
  async flush(): Promise<boolean> {
    clearTimeout(this.timer);
    await this.running;
    if (this.keeping.kind === "conflict") return false;
    if (!this.isSafe || this.revision === 0) await this.run();
    // What was never answered went first; the rest follows it.
    if (!this.isSafe && this.keeping.kind === "waiting") await this.run();
    return this.isSafe && this.revision > 0;
  }

  /** After a conflict: this drawing goes over the kept one. */
  async takeOver(): Promise<boolean> {
    if (this.keeping.kind !== "conflict") return this.isSafe;
    this.revision = this.keeping.revision;
    // Even without a change of its own it is not what is kept, so it has to be sent.
    this.keptChanges = -1;
    this.say({ kind: "waiting" });
    return this.flush();
  }

  /** No more is kept from here on, once what is on its way has arrived. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  /** Goes on keeping after all. */
  resume(): void {
    this.isStopped = false;
    if (!this.isSafe) this.plan(this.timing.settled);
  }

  private plan(wait: number): void {
    clearTimeout(this.timer);
    if (this.isStopped) return;
    this.timer = setTimeout(() => void this.run(), wait);
  }

  private run(): Promise<void> {
    this.running ??= this.keepOnce().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async keepOnce(): Promise<void> {
    const changes = this.changes;
    this.say({ kind: "keeping" });
    try {
      this.unanswered ??= { changes, content: await this.content() };
      const state = await this.shelf.keep(this.revision, this.base, this.unanswered.content);
      this.revision = state.edit?.revision ?? 0;
      this.keptChanges = this.unanswered.changes;
      this.unanswered = null;
      this.failures = 0;
      this.say({ kind: "kept", at: new Date() }, state);
      if (!this.isSafe) this.changedMeanwhile();
    } catch (error) {
      this.failed(error);
    }
  }

  private changedMeanwhile(): void {
    this.say({ kind: "waiting" });
    this.plan(this.timing.settled);
  }

  private failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof RequestError) || error.status !== 0) this.unanswered = null;
    const kept = revisionIn(error);
    if (kept !== null) {
      this.say({ kind: "conflict", message, revision: kept });
      return;
    }
    const wait = Math.min(LONGEST_RETRY, this.timing.retry * 2 ** this.failures);
    this.failures++;
    this.say({ kind: "failed", message });
    this.plan(wait);
  }

  private say(keeping: Keeping, state: DrawingState | null = null): void {
    this.keeping = keeping;
    if (!this.isStopped) this.tell(keeping, state);
  }
}

/** The revision that the server keeps instead, where that is why it refused. */
function revisionIn(error: unknown): number | null {
  if (!(error instanceof RequestError) || error.status !== 409) return null;
  const { body } = error;
  if (typeof body !== "object" || body === null || !("revision" in body)) return null;
  return typeof body.revision === "number" ? body.revision : null;
}
