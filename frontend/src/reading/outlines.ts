/**
 * Lesions as outlines: the edges between their voxels and others, drawn on each slice as thin
 * lines of the screen, so that what lies under them can be seen.
 */
import type { NVImage } from "@niivue/niivue";

import { readerOf } from "./labels";
import type { LesionFacts, Voxel } from "./manifest";
import { AXES, type Drawn } from "./panes";
import type { Stage } from "./stage";

const WIDTH = 1.6;

export class Outlines {
  opacity = 0;
  private isDrawn = false;
  private readonly canvas: HTMLCanvasElement | null;

  constructor(
    private readonly stage: Stage,
    private readonly labels: NVImage,
    private readonly lesions: LesionFacts[],
  ) {
    this.canvas = stage.root.querySelector("[data-outlines]");
    stage.onRedraw(() => this.draw());
  }

  private draw(): void {
    const context = this.canvas?.getContext("2d");
    if (!this.canvas || !context) return;
    const isWanted = this.opacity > 0;
    if (!isWanted && !this.isDrawn) return;
    this.isDrawn = isWanted;
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.stage.canvas;
    this.canvas.width = clientWidth * ratio;
    this.canvas.height = clientHeight * ratio;
    if (!isWanted) return;
    context.scale(ratio, ratio);
    context.lineWidth = WIDTH;
    for (const slice of this.stage.drawn()) this.drawSlice(context, slice);
  }

  private drawSlice(context: CanvasRenderingContext2D, slice: Drawn): void {
    context.save();
    context.beginPath();
    context.rect(slice.box.left, slice.box.top, slice.box.width, slice.box.height);
    context.clip();
    for (const [number, path] of this.edges(slice)) {
      const lesion = this.lesions[Math.min(number, this.lesions.length) - 1];
      context.strokeStyle = lesion?.colour ?? "#e69f00";
      context.stroke(path);
    }
    context.restore();
  }

  /** For each lesion on the slice, the edges of its voxels towards others. */
  private edges(slice: Drawn): Map<number, Path2D> {
    const { across, up, through } = AXES[slice.plane];
    const { dims } = this.stage;
    const [width, height] = [dims[across]!, dims[up]!];
    const read = this.reader(slice.slice, across, up, through);
    const paths = new Map<number, Path2D>();
    const place = (a: number, u: number): { x: number; y: number } => {
      const ras: Voxel = [0, 0, 0];
      ras[across] = a - 0.5;
      ras[up] = u - 0.5;
      return slice.toScreen(ras);
    };
    const add = (number: number, a: number, u: number, toA: number, toU: number): void => {
      let path = paths.get(number);
      if (path === undefined) paths.set(number, (path = new Path2D()));
      const [from, to] = [place(a, u), place(toA, toU)];
      path.moveTo(from.x, from.y);
      path.lineTo(to.x, to.y);
    };
    for (let u = 0; u < height; u += 1) {
      for (let a = 0; a < width; a += 1) {
        const own = read(a, u);
        if (own === 0) continue;
        if (a === 0 || read(a - 1, u) !== own) add(own, a, u, a, u + 1);
        if (a === width - 1 || read(a + 1, u) !== own) add(own, a + 1, u, a + 1, u + 1);
        if (u === 0 || read(a, u - 1) !== own) add(own, a, u, a + 1, u);
        if (u === height - 1 || read(a, u + 1) !== own) add(own, a, u + 1, a + 1, u + 1);
      }
    }
    return paths;
  }

  private reader(slice: number, across: number, up: number, through: number) {
    const origin: Voxel = [0, 0, 0];
    origin[through] = slice;
    const next = (axis: number): Voxel => origin.map((n, k) => n + Number(k === axis)) as Voxel;
    const [first, right, above] = [origin, next(across), next(up)].map((ras) =>
      this.stage.space.fromShown(ras),
    ) as [Voxel, Voxel, Voxel];
    const values = (this.labels.img ?? new Uint8Array(0)) as ArrayLike<number>;
    return readerOf(values, this.stage.manifest.scan.shape, first, right, above);
  }
}
