/** When the canvas is drawn: once a frame, and the 3D pane only where there is time for it. */
import type { Box } from "./panes";
import { Still } from "./still";

/** How long nothing may move before the 3D pane is drawn again, in milliseconds. */
const SETTLED = 180;
/** What a frame may cost, in milliseconds, before the 3D pane is left out while things move. */
const SMOOTH = 24;

export class Painter {
  private requested = 0;
  private settling = 0;
  private fullCost = 0;
  private readonly still: Still;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    still: HTMLCanvasElement,
    /** Where the 3D pane is, if it is on the screen. */
    private readonly render: () => Box | undefined,
    private readonly draw: (withRender: boolean) => void,
  ) {
    this.still = new Still(still);
  }

  /** Draws on the next frame, however often it is asked for until then. */
  soon(): void {
    if (this.requested !== 0) return;
    this.requested = requestAnimationFrame(() => {
      this.requested = 0;
      this.now();
    });
  }

  /** What the 3D pane shows has changed too: a still of it would be wrong. */
  forget(): void {
    this.still.hide();
  }

  now(): void {
    const render = this.render();
    const isSlow = render !== undefined && this.fullCost > SMOOTH;
    const skip = isSlow && this.still.isShown;
    const begun = performance.now();
    this.draw(!skip);
    clearTimeout(this.settling);
    if (skip) {
      this.settling = window.setTimeout(() => {
        this.forget();
        this.now();
      }, SETTLED);
      return;
    }
    this.fullCost = performance.now() - begun;
    if (isSlow) this.still.keep(this.canvas, render);
  }
}
