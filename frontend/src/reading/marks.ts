/** What is written over the panes: plane and slice, the patient's sides, the crosshair. */
import { AXES, type Drawn, type PaneName, type PlaneName } from "./panes";
import type { Stage } from "./stage";

type Edges = Record<"left" | "right" | "top" | "bottom", string>;

const WORDS: Record<string, string> = {
  L: "the patient's left",
  R: "the patient's right",
  A: "anterior",
  P: "posterior",
  S: "superior",
  I: "inferior",
};
const TITLES: Record<PaneName, string> = {
  axial: "Axial",
  coronal: "Coronal",
  sagittal: "Sagittal",
  render: "3D",
};
/** The gap of the crosshair round its voxel, in CSS pixels. */
const GAP = 9;

/** The letters at a slice's edges; none where the sides are not known. */
export function edgesOf(stage: Stage, plane: PlaneName): Partial<Edges> {
  const { scan } = stage.manifest;
  if (!scan.has_sides) return {};
  const [left, right] = stage.isRadiological ? ["R", "L"] : ["L", "R"];
  // Of a picture only left and right are ever declared.
  if (scan.kind === "picture") return { left, right };
  if (plane === "axial") return { left, right, top: "A", bottom: "P" };
  if (plane === "coronal") return { left, right, top: "S", bottom: "I" };
  return { left: "P", right: "A", top: "S", bottom: "I" };
}

class PaneMarks {
  private readonly frame = document.createElement("div");
  private readonly title = document.createElement("div");
  private readonly letters = new Map<keyof Edges, HTMLSpanElement>();

  constructor(
    private readonly stage: Stage,
    private readonly pane: PaneName,
    layer: HTMLElement,
  ) {
    this.frame.className = "pane";
    this.frame.dataset.pane = pane;
    this.title.className = "pane-title";
    this.frame.append(this.title);
    for (const edge of ["left", "right", "top", "bottom"] as const) {
      const letter = document.createElement("span");
      letter.className = `side at-${edge}`;
      this.letters.set(edge, letter);
      this.frame.append(letter);
    }
    layer.append(this.frame);
  }

  draw(slice: Drawn | undefined): void {
    const box = this.stage.boxes().get(this.pane);
    this.frame.hidden = box === undefined;
    if (box === undefined) return;
    for (const side of ["left", "top", "width", "height"] as const) {
      this.frame.style[side] = `${box[side]}px`;
    }
    this.frame.classList.toggle("is-active", this.stage.active === this.pane);
    this.title.textContent = this.words(slice);
    const edges = this.pane === "render" ? {} : edgesOf(this.stage, this.pane);
    for (const [edge, letter] of this.letters) {
      const word = edges[edge] ?? "";
      letter.textContent = word;
      letter.title = WORDS[word] ?? "";
      letter.hidden = word === "";
    }
  }

  private words(slice: Drawn | undefined): string {
    const title = TITLES[this.pane];
    if (slice === undefined) return title;
    const count = this.stage.dims[AXES[slice.plane].through];
    const unknown = this.stage.manifest.scan.has_sides ? "" : " · sides not stated in the file";
    return `${title} ${slice.slice + 1} / ${count}${unknown}`;
  }
}

function line(className: string): SVGLineElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "line");
  made.setAttribute("class", className);
  return made;
}

function stretch(of: SVGLineElement, x1: number, y1: number, x2: number, y2: number): void {
  of.setAttribute("x1", String(x1));
  of.setAttribute("y1", String(y1));
  of.setAttribute("x2", String(x2));
  of.setAttribute("y2", String(y2));
}

/** Four lines for each slice, which meet round the voxel and leave it free. */
class Crosshair {
  isShown = true;
  private readonly group = document.createElementNS("http://www.w3.org/2000/svg", "g");
  private readonly lines: SVGLineElement[] = [];

  constructor(private readonly stage: Stage) {
    this.group.setAttribute("class", "crosshair");
    stage.overlay.append(this.group);
    for (let n = 0; n < 12; n += 1) this.lines.push(line("crosshair-line"));
    this.group.append(...this.lines);
  }

  draw(drawn: Drawn[]): void {
    this.group.toggleAttribute("hidden", !this.isShown);
    this.lines.forEach((one) => stretch(one, 0, 0, 0, 0));
    if (!this.isShown) return;
    const ras = this.stage.crosshair();
    drawn.forEach((slice, n) => {
      const { x, y } = slice.toScreen(ras);
      const { left, top, width, height } = slice.box;
      const [a, b, c, d] = this.lines.slice(4 * n, 4 * n + 4);
      if (!a || !b || !c || !d) return;
      if (y > top && y < top + height) {
        stretch(a, left, y, Math.max(left, x - GAP), y);
        stretch(b, Math.min(left + width, x + GAP), y, left + width, y);
      }
      if (x > left && x < left + width) {
        stretch(c, x, top, x, Math.max(top, y - GAP));
        stretch(d, x, Math.min(top + height, y + GAP), x, top + height);
      }
    });
  }
}

/** Draws them with every frame; answers what shows and hides the crosshair. */
export function mountMarks(stage: Stage): () => void {
  const layer = stage.root.querySelector<HTMLElement>("[data-marks]");
  if (layer === null) throw new Error("the reading room has no layer for marks");
  const names: PaneName[] = ["axial", "coronal", "sagittal", "render"];
  const marks = new Map(names.map((pane) => [pane, new PaneMarks(stage, pane, layer)]));
  const crosshair = new Crosshair(stage);
  stage.onRedraw(() => {
    const drawn = stage.drawn();
    for (const [pane, mark] of marks) mark.draw(drawn.find((slice) => slice.plane === pane));
    crosshair.draw(drawn);
  });
  return () => {
    crosshair.isShown = !crosshair.isShown;
    stage.redraw();
  };
}
