/** Drawing lines and moving their ends with the pointer. */
import type { Voxel } from "../manifest";
import { AXES } from "../panes";
import type { PlaneName, Stage } from "../stage";
import { place, type Placed } from "./drawing";
import type { Ruler } from "./geometry";
import { HAND_COLOUR, NAMES, POINTS, type Kind, type Shape } from "./shapes";

/** How near an end must be to be taken hold of, and what counts as a move, in CSS pixels. */
const REACH = 9;
const MOVED = 4;

interface Grip {
  shape: Shape;
  end: number;
}

export class Hand {
  /** What is being drawn or moved; its points change while the pointer does. */
  shape: Shape | null = null;
  points: Voxel[] = [];
  /** What the pointer is over, whose ends are shown. */
  over: string | null = null;
  private set: Voxel[] = [];
  private grip: Grip | null = null;
  private down: { x: number; y: number } | null = null;

  constructor(
    private readonly stage: Stage,
    private readonly ruler: Ruler,
    private readonly shapes: () => Shape[],
    private readonly done: (shape: Shape, points: Voxel[]) => void,
    private readonly changed: () => void,
  ) {}

  get kind(): Kind | null {
    const tool = this.stage.tool;
    return tool !== null && tool in POINTS ? (tool as Kind) : null;
  }

  watch(): void {
    const { surface } = this.stage;
    // Before the pointer's usual work, which a line that is taken hold of must not set off.
    const early = { capture: true };
    surface.addEventListener("pointerdown", (event) => this.press(event), early);
    surface.addEventListener("pointermove", (event) => this.move(event), early);
    surface.addEventListener("pointerup", (event) => this.release(event), early);
    surface.addEventListener("pointercancel", () => this.cancel());
    window.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.cancel();
    });
    this.stage.onTool(() => this.cancel());
    this.stage.onShown(() => this.cancel());
  }

  cancel(): void {
    if (this.shape === null) return;
    this.stop();
    this.stage.announce("The line was given up.");
  }

  private stop(): void {
    this.shape = this.grip = this.down = null;
    this.set = this.points = [];
    this.changed();
  }

  private press(event: PointerEvent): void {
    if (event.button !== 0 || (this.kind === null && this.stage.tool !== null)) return;
    const grip = this.shape === null ? this.gripAt(event) : null;
    if (grip === null && this.kind === null) return;
    const picked = this.stage.pick(event.clientX, event.clientY);
    if (picked === null) return;
    event.preventDefault();
    event.stopPropagation();
    this.stage.activate(picked.plane);
    this.stage.canvas.focus({ preventScroll: true });
    this.stage.surface.setPointerCapture(event.pointerId);
    this.down = { x: event.clientX, y: event.clientY };
    if (grip !== null) this.take(grip);
    else this.begin(picked);
    this.changed();
  }

  private take(grip: Grip): void {
    this.grip = grip;
    this.shape = grip.shape;
    this.points = grip.shape.points;
  }

  private begin(picked: { plane: PlaneName; voxel: Voxel }): void {
    if (!this.stage.isOwnGrid) {
      this.stage.announce("This sequence has another grid. Please measure on the scan being read.");
      return;
    }
    if (this.shape !== null && this.isElsewhere(picked)) this.stop();
    if (this.shape !== null) {
      this.follow(picked.voxel);
      // The crossing line begins where the pointer is pressed; its other end is where it is let go.
      if (this.shape.kind === "diameters" && this.set.length === 2) this.set = this.points;
      return;
    }
    const kind = this.kind!;
    this.shape = {
      id: "new",
      kind,
      plane: picked.plane,
      points: [],
      colour: HAND_COLOUR,
      hand: null,
      lesion: null,
      isAutomatic: false,
    };
    this.set = this.points = [picked.voxel];
  }

  /** Whether the slice is another one than that on which the line was begun. */
  private isElsewhere(picked: { plane: PlaneName; voxel: Voxel }): boolean {
    const first = this.set[0];
    if (this.shape === null || first === undefined) return false;
    const axis = AXES[picked.plane].through;
    const off = this.stage.toRas(picked.voxel)[axis]! - this.stage.toRas(first)[axis]!;
    return picked.plane !== this.shape.plane || Math.abs(off) > 0.5;
  }

  private move(event: PointerEvent): void {
    if (this.shape === null) return this.hover(event);
    const picked = this.stage.pick(event.clientX, event.clientY);
    if (picked === null || picked.plane !== this.shape.plane) return;
    event.stopPropagation();
    if (this.grip !== null) this.drag(this.grip, picked.voxel);
    else if (!this.isElsewhere(picked)) this.follow(picked.voxel);
    this.changed();
  }

  private hover(event: PointerEvent): void {
    const over = event.buttons === 0 ? (this.gripAt(event)?.shape.id ?? null) : null;
    this.stage.surface.toggleAttribute("data-on-end", over !== null);
    if (over === this.over) return;
    this.over = over;
    this.changed();
  }

  /** The next point, or the crossing line's, follows the pointer. */
  private follow(voxel: Voxel): void {
    this.points = [...this.set, this.next(voxel)];
  }

  private next(voxel: Voxel): Voxel {
    const [a, b, c] = this.set;
    if (this.shape?.kind !== "diameters" || !a || !b || !c) return voxel;
    return this.ruler.snapAcross(c, voxel, [a, b], this.slice(this.shape.plane));
  }

  private drag(grip: Grip, voxel: Voxel): void {
    const { shape, end } = grip;
    const own = shape.points[end]!;
    const to = this.level(voxel, own, shape.plane);
    this.points =
      shape.kind === "diameters"
        ? this.ruler.moveDiameter(shape.points, end, to, this.slice(shape.plane))
        : shape.points.map((point, n) => (n === end ? to : point));
  }

  /** `voxel` on exactly the slice of `own`. */
  private level(voxel: Voxel, own: Voxel, plane: PlaneName): Voxel {
    const [moved, fixed] = [this.stage.toRas(voxel), this.stage.toRas(own)];
    const axis = AXES[plane].through;
    moved[axis] = fixed[axis]!;
    return this.stage.toFile(moved);
  }

  /** The two axes of the file that a slice of `plane` runs along. */
  private slice(plane: PlaneName): [number, number] {
    const { across, up } = AXES[plane];
    return [this.fileAxis(across), this.fileAxis(up)];
  }

  private fileAxis(axis: number): number {
    const unit: Voxel = [0, 0, 0];
    unit[axis] = 1;
    const [from, to] = [this.stage.toFile([0, 0, 0]), this.stage.toFile(unit)];
    return from.findIndex((value, n) => value !== to[n]);
  }

  private release(event: PointerEvent): void {
    const { shape, down } = this;
    if (shape === null || down === null) return;
    event.stopPropagation();
    this.down = null;
    if (this.grip !== null) {
      const hasMoved = Math.hypot(event.clientX - down.x, event.clientY - down.y) > 1;
      const points = this.points;
      const isWhole = !this.hasFallenTogether(shape, points);
      this.stop();
      if (hasMoved && isWhole) this.done(shape, points);
      return;
    }
    this.setPoint(shape);
  }

  private setPoint(shape: Shape): void {
    const floating = this.points[this.set.length];
    // Without a move this was the click that set the first point: the next one sets another.
    if (floating === undefined || !this.isApart(floating)) return;
    this.set = [...this.set, floating];
    this.points = this.set;
    if (this.set.length === POINTS[shape.kind]) {
      const points = this.set;
      const isWhole = !this.hasFallenTogether(shape, points);
      this.stop();
      if (isWhole) this.done(shape, points);
      return;
    }
    if (shape.kind === "diameters" && this.set.length === 2) {
      this.stage.announce("Now draw the diameter across it; it stays at a right angle.");
    }
    this.changed();
  }

  /** Whether a point is far enough on the screen from the one set before to be another. */
  private isApart(point: Voxel): boolean {
    const shape = this.shape;
    const last = this.set.at(-1);
    if (shape === null || last === undefined) return true;
    const spots = place(this.stage, shape, [last, point])?.spots;
    if (spots === undefined) return false;
    return Math.hypot(spots[0]!.x - spots[1]!.x, spots[0]!.y - spots[1]!.y) > MOVED;
  }

  /** Whether a line is as short as a point on the screen: nobody meant to draw that. */
  private hasFallenTogether(shape: Shape, points: Voxel[]): boolean {
    const spots = place(this.stage, shape, points)?.spots ?? [];
    const near = (a: number, b: number): boolean => {
      const [one, other] = [spots[a], spots[b]];
      return !one || !other || Math.hypot(one.x - other.x, one.y - other.y) <= MOVED;
    };
    if (shape.kind === "angle") return near(0, 1) || near(1, 2);
    return near(0, 1) || (shape.kind === "diameters" && near(2, 3));
  }

  /** The end of a line under the pointer, by the newest line first. */
  private gripAt(event: PointerEvent): Grip | null {
    if (!this.stage.manifest.may_edit || (this.stage.tool !== null && this.kind === null)) return null;
    const { x, y } = this.stage.local(event.clientX, event.clientY);
    for (const shape of this.shapes().reverse()) {
      // A single automatic line has no crossing one to keep square: there is nothing to edit.
      if (shape.isAutomatic && shape.kind !== "diameters") continue;
      const placed: Placed | null = place(this.stage, shape);
      if (placed === null || placed.isFaint) continue;
      const end = placed.spots.findIndex((s) => Math.hypot(s.x - x, s.y - y) <= REACH);
      if (end >= 0) return { shape, end };
    }
    return null;
  }

  /** What to do next, in a line. */
  get hint(): string {
    const kind = this.kind;
    if (kind === null) return "";
    const begin = `${NAMES[kind]}: `;
    if (kind === "distance") return `${begin}drag from one end to the other.`;
    if (kind === "angle") return `${begin}drag the first side to the corner, then click the other end.`;
    return this.set.length < 2
      ? `${begin}drag the longest one first.`
      : `${begin}now drag across it; the line stays at a right angle.`;
  }
}
