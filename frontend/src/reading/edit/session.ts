/** One drawing while it is drawn: the tool's settings, the lesion in hand, what can be undone. */
import { fillBetween } from "./between";
import { Brush, eraseRule, paintRule, recolourRule, SIZES, within, type Rule } from "./brush";
import { removePiece } from "./components";
import type { Drawing } from "./drawing";
import type { Triple } from "./grid";
import { History } from "./history";

export type EditTool = "brush" | "erase" | "split" | "delete";
export const EDIT_TOOLS: readonly EditTool[] = ["brush", "erase", "split", "delete"];

export interface Bounds {
  low: number;
  high: number;
}

export class Session {
  readonly history: History;
  /** The value that the brush gives. */
  lesion: number;
  sizeStep = 5;
  isBall = false;
  bounds: Bounds | null = null;
  private isHeld = false;
  private stroke: { brush: Brush; rule: Rule; last: Triple } | null = null;

  /** `spacing` is the voxel's size along NiiVue's axes, ones where no size is known. */
  constructor(
    readonly drawing: Drawing,
    readonly spacing: Triple,
    private readonly changed: (isFinished: boolean) => void,
  ) {
    this.history = new History(drawing);
    this.lesion = drawing.values[0] ?? 1;
  }

  /** The brush's diameter, in mm or pixels; 0 is one voxel. */
  get size(): number {
    return SIZES[this.sizeStep]!;
  }

  resize(steps: number): void {
    this.sizeStep = Math.min(SIZES.length - 1, Math.max(0, this.sizeStep + steps));
  }

  /** Takes the next free value in hand; whether there was one. */
  newLesion(): boolean {
    const free = this.drawing.freeValue;
    if (free === null) return false;
    this.lesion = free;
    return true;
  }

  /** Begins a stroke at `at`; `intensity` is the scan's, in the drawing's order of voxels. */
  begin(tool: EditTool, at: Triple, through: number, intensity: ArrayLike<number> | null): void {
    if (this.isHeld) return;
    if (tool === "delete") {
      this.removeAt(at);
      return;
    }
    const brush = new Brush(this.size, this.spacing, this.isBall ? null : through);
    this.stroke = { brush, rule: this.rule(tool, intensity), last: at };
    brush.touch(this.drawing, at, this.stroke.rule);
    this.changed(false);
  }

  private rule(tool: EditTool, intensity: ArrayLike<number> | null): Rule {
    if (tool === "erase") return eraseRule;
    if (tool === "split") return recolourRule(this.lesion, null);
    const rule = paintRule(this.lesion);
    if (this.bounds === null || intensity === null) return rule;
    return within(rule, intensity, this.bounds.low, this.bounds.high);
  }

  move(to: Triple): void {
    if (this.stroke === null) return;
    this.stroke.brush.stroke(this.drawing, this.stroke.last, to, this.stroke.rule);
    this.stroke.last = to;
    this.changed(false);
  }

  /** While it is being saved nothing is drawn: it would be in no version. */
  hold(isHeld: boolean): void {
    this.end();
    this.isHeld = isHeld;
  }

  end(): void {
    if (this.stroke === null) return;
    this.stroke = null;
    this.finish();
  }

  get isDrawing(): boolean {
    return this.stroke !== null;
  }

  private removeAt(at: Triple): void {
    const [x, y, z] = at.map(Math.round) as Triple;
    if (!this.drawing.holds(x, y, z)) return;
    removePiece(this.drawing, this.drawing.index(x, y, z));
    this.finish();
  }

  /** Fills between the slices of the lesion in hand along an axis; how many voxels that gave. */
  fill(through: number): number {
    if (this.isHeld) return 0;
    this.end();
    const filled = fillBetween(this.drawing, this.lesion, through, this.spacing);
    this.finish();
    return filled;
  }

  /** A stroke that is under way counts as done: it is what is undone. */
  undo(): boolean {
    if (this.isHeld) return false;
    this.end();
    return this.step(this.history.undo());
  }

  redo(): boolean {
    if (this.isHeld) return false;
    this.end();
    return this.step(this.history.redo());
  }

  private step(happened: boolean): boolean {
    if (happened) this.changed(true);
    return happened;
  }

  private finish(): void {
    if (this.history.commit()) this.changed(true);
    else this.changed(false);
  }
}
