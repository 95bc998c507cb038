/** Lines and their values over the slices they belong to, drawn again with every frame. */
import type { PlaneName, Spot, Stage } from "../stage";
import type { Voxel } from "../manifest";
import type { Shape } from "./shapes";

const SVG = "http://www.w3.org/2000/svg";
/** Off the slice by no more than this many voxels, a line is shown in full, else faintly. */
const ON_SLICE = 0.25;
const NEAR_SLICE = 0.5;
const HANDLE = 4.5;
const LABEL_GAP = 10;
const ARC = 22;
/** The height of a line of text. */
const LINE = 16;

export interface Placed {
  shape: Shape;
  /** Where its points are on the screen. */
  spots: Spot[];
  isFaint: boolean;
}

function make<K extends keyof SVGElementTagNameMap>(
  name: K,
  values: Record<string, string | number>,
): SVGElementTagNameMap[K] {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, String(value));
  return made;
}

/** Where `shape` is on the screen now; null where its slice is not shown. */
export function place(stage: Stage, shape: Shape, points: Voxel[] = shape.points): Placed | null {
  const on = (tolerance: number): Spot[] =>
    points.flatMap((point) =>
      stage.spots(point, tolerance).filter((spot) => spot.plane === shape.plane),
    );
  const near = on(NEAR_SLICE);
  if (points.length === 0 || near.length < points.length) return null;
  return { shape, spots: near, isFaint: on(ON_SLICE).length < points.length };
}

/** One drawing area for each pane, which cuts off what would run into the next one. */
export class Drawing {
  /** Where labels stand in this frame, so that none is written over another. */
  private taken: { x: number; y: number; width: number }[] = [];
  private readonly layer = make("g", { class: "measures" });

  constructor(private readonly stage: Stage) {
    stage.overlay.append(this.layer);
  }

  draw(placed: { placed: Placed; label: string; isChosen: boolean; hasHandles: boolean }[]): void {
    this.taken = [];
    const panes = new Map<PlaneName, SVGGElement>();
    const areas: SVGElement[] = [];
    for (const plane of new Set(placed.map((one) => one.placed.shape.plane))) {
      const box = this.stage.boxes().get(plane);
      if (box === undefined) continue;
      const { left, top, width, height } = box;
      const area = make("svg", { x: left, y: top, width, height });
      const inside = make("g", { transform: `translate(${-left} ${-top})` });
      area.append(inside);
      areas.push(area);
      panes.set(plane, inside);
    }
    for (const one of placed) panes.get(one.placed.shape.plane)?.append(this.group(one));
    this.layer.replaceChildren(...areas);
  }

  private group(one: {
    placed: Placed;
    label: string;
    isChosen: boolean;
    hasHandles: boolean;
  }): SVGGElement {
    const { shape, spots, isFaint } = one.placed;
    const group = make("g", { class: "measure", "data-shape": shape.id });
    group.classList.toggle("is-automatic", shape.isAutomatic);
    group.classList.toggle("is-faint", isFaint);
    group.classList.toggle("is-chosen", one.isChosen);
    const lines = linesOf(shape, spots);
    // A dark line below each keeps it legible on bright tissue.
    for (const [a, b] of lines) group.append(segment(a, b, "measure-shadow"));
    for (const [a, b] of lines) {
      const line = segment(a, b, "measure-line");
      line.setAttribute("stroke", shape.colour);
      group.append(line);
    }
    if (shape.kind === "angle" && spots.length === 3) group.append(arc(spots, shape.colour));
    spots.forEach((spot, n) => {
      const isEnd = one.hasHandles || spots.length === 1;
      if (!isEnd) return;
      const handle = make("circle", { cx: spot.x, cy: spot.y, r: HANDLE, "data-end": n });
      handle.setAttribute("class", "measure-end");
      handle.setAttribute("stroke", shape.colour);
      group.append(handle);
    });
    if (one.label !== "") group.append(this.label(one.label, spots));
    return group;
  }

  /** To the right of the rightmost point, or left of it where the pane ends. */
  private label(words: string, spots: Spot[]): SVGTextElement {
    const end = spots.reduce((a, b) => (b.x > a.x ? b : a));
    const box = this.stage.boxes().get(end.plane);
    const width = words.length * 7.5 + LABEL_GAP;
    const isCut = box !== undefined && end.x + width > box.left + box.width;
    const first = spots.reduce((a, b) => (b.x < a.x ? b : a));
    const x = isCut ? first.x - LABEL_GAP : end.x + LABEL_GAP;
    const text = make("text", {
      x,
      y: this.freeLine(isCut ? x - width : x, (isCut ? first.y : end.y) + 4, width),
      "text-anchor": isCut ? "end" : "start",
      class: "measure-label",
    });
    text.textContent = words;
    return text;
  }

  /** The nearest height at which a label from `x` on is free of the others. */
  private freeLine(x: number, y: number, width: number): number {
    const isFree = (at: number): boolean =>
      this.taken.every(
        (other) =>
          Math.abs(other.y - at) >= LINE || other.x >= x + width || x >= other.x + other.width,
      );
    const free = [0, 1, -1, 2, -2, 3, -3].map((n) => y + n * LINE).find(isFree) ?? y;
    this.taken.push({ x, y: free, width });
    return free;
  }
}

function linesOf(shape: Shape, spots: Spot[]): [Spot, Spot][] {
  const [a, b, c, d] = spots;
  const lines: [Spot, Spot][] = [];
  if (a && b) lines.push([a, b]);
  if (shape.kind === "angle" && b && c) lines.push([b, c]);
  if (shape.kind === "diameters" && c && d) lines.push([c, d]);
  return lines;
}

function segment(a: Spot, b: Spot, className: string): SVGLineElement {
  return make("line", { x1: a.x, y1: a.y, x2: b.x, y2: b.y, class: className });
}

function arc(spots: Spot[], colour: string): SVGPathElement {
  const [one, corner, other] = spots as [Spot, Spot, Spot];
  const reach = (to: Spot): [number, number] => {
    const length = Math.hypot(to.x - corner.x, to.y - corner.y) || 1;
    const radius = Math.min(ARC, length);
    return [
      corner.x + ((to.x - corner.x) / length) * radius,
      corner.y + ((to.y - corner.y) / length) * radius,
    ];
  };
  const [from, to] = [reach(one), reach(other)];
  const turn = (one.x - corner.x) * (other.y - corner.y) - (one.y - corner.y) * (other.x - corner.x);
  const path = make("path", {
    d: `M${from.join(" ")}A${ARC} ${ARC} 0 0 ${turn > 0 ? 1 : 0} ${to.join(" ")}`,
    class: "measure-line",
    stroke: colour,
  });
  return path;
}
