/** The pointer while one of the drawing tools is chosen: strokes, and the ring that shows the brush. */
import type { PlaneName, Stage } from "../stage";
import { AXES } from "../panes";
import type { Triple } from "./grid";
import { EDIT_TOOLS, type EditTool, type Session } from "./session";

const SVG = "http://www.w3.org/2000/svg";
const LEAST_RING = 3;

/** Where the pointer is, in NiiVue's order of voxels. */
export interface Place {
  plane: PlaneName;
  at: Triple;
}

export function toolOf(stage: Stage): EditTool | null {
  return EDIT_TOOLS.find((name) => name === stage.tool) ?? null;
}

export class Pointing {
  /** Where the pointer was last, for what is asked for by a key. */
  hover: Place | null = null;
  private plane: PlaneName | null = null;
  private last = { x: 0, y: 0 };
  private readonly ring: SVGEllipseElement;

  /** `session` is null while nothing is being drawn; `begin` and `end` are told of each stroke. */
  constructor(
    private readonly stage: Stage,
    private readonly session: () => Session | null,
    private readonly begin: (tool: EditTool, place: Place) => void,
  ) {
    this.ring = document.createElementNS(SVG, "ellipse");
    this.ring.classList.add("brush-ring");
    stage.overlay.append(this.ring);
    const { surface } = stage;
    surface.addEventListener("pointerdown", (event) => this.down(event));
    surface.addEventListener("pointermove", (event) => this.move(event));
    surface.addEventListener("pointerup", () => this.up());
    surface.addEventListener("pointercancel", () => this.up());
    surface.addEventListener("pointerleave", () => {
      this.hover = null;
      this.showRing();
    });
    stage.onRedraw(() => this.showRing());
  }

  private placeOf(x: number, y: number): Place | null {
    const picked = this.stage.isOwnGrid ? this.stage.pick(x, y) : null;
    return picked && { plane: picked.plane, at: this.stage.toRas(picked.voxel) };
  }

  private down(event: PointerEvent): void {
    const tool = toolOf(this.stage);
    if (tool === null || event.button !== 0 || this.session() === null) return;
    const place = this.placeOf(event.clientX, event.clientY);
    if (place === null) return;
    event.preventDefault();
    this.stage.surface.setPointerCapture(event.pointerId);
    this.plane = place.plane;
    this.begin(tool, place);
  }

  private move(event: PointerEvent): void {
    this.last = { x: event.clientX, y: event.clientY };
    this.hover = this.placeOf(event.clientX, event.clientY);
    this.showRing();
    if (this.plane === null) return;
    // A fast pointer makes several steps in one frame; each of them counts.
    const steps = event.getCoalescedEvents?.() ?? [];
    for (const step of steps.length > 0 ? steps : [event]) {
      const place = this.placeOf(step.clientX, step.clientY);
      if (place?.plane === this.plane) this.session()?.move(place.at);
    }
  }

  private up(): void {
    if (this.plane === null) return;
    this.plane = null;
    this.session()?.end();
  }

  /** The brush's outline at the pointer, as large as what it would cover. */
  showRing(): void {
    const tool = toolOf(this.stage);
    const session = this.session();
    const { hover } = this;
    const drawn = hover && this.stage.drawn().find((slice) => slice.plane === hover.plane);
    const isShown = tool !== null && tool !== "delete" && session !== null && !!drawn;
    this.ring.toggleAttribute("hidden", !isShown);
    if (!isShown || !hover || !drawn || !session) return;
    const { across, up } = AXES[hover.plane];
    const [here, there] = [hover.at, hover.at.map((n) => n + 1) as Triple].map(drawn.toScreen);
    const radius = session.size / 2;
    const place = this.stage.local(this.last.x, this.last.y);
    const rx = (Math.abs(there!.x - here!.x) * radius) / session.spacing[across]!;
    const ry = (Math.abs(there!.y - here!.y) * radius) / session.spacing[up]!;
    this.ring.setAttribute("cx", String(place.x));
    this.ring.setAttribute("cy", String(place.y));
    this.ring.setAttribute("rx", String(Math.max(LEAST_RING, rx)));
    this.ring.setAttribute("ry", String(Math.max(LEAST_RING, ry)));
  }
}
