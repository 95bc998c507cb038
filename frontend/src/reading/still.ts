/**
 * A still of the 3D pane, which stands in for it while slices move where drawing it takes long.
 */
import type { Box } from "./panes";

export class Still {
  constructor(private readonly canvas: HTMLCanvasElement) {}

  get isShown(): boolean {
    return !this.canvas.hidden;
  }

  hide(): void {
    this.canvas.hidden = true;
  }

  /** Copies `box` of `source`, in the task that drew it: WebGL forgets the picture after that. */
  keep(source: HTMLCanvasElement, box: Box): void {
    const context = this.canvas.getContext("2d");
    if (context === null) return;
    const ratio = source.width / Math.max(1, source.clientWidth);
    const scaled = [box.left, box.top, box.width, box.height].map((n) => Math.round(n * ratio));
    const [left, top, width, height] = scaled as [number, number, number, number];
    this.canvas.width = width;
    this.canvas.height = height;
    context.drawImage(source, left, top, width, height, 0, 0, width, height);
    for (const side of ["left", "top", "width", "height"] as const) {
      this.canvas.style[side] = `${box[side]}px`;
    }
    this.canvas.hidden = false;
  }
}
