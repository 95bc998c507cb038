/** The drawing as NiiVue shows it: its texture, its colours, and only over its own grid. */
import type { Niivue } from "@niivue/niivue";

import { colourTable } from "./colours";
import type { Drawing, Span } from "./drawing";

const OPACITY = 0.45;
const EDGE = 0.95;

export class Paper {
  private drawing: Drawing | null = null;

  constructor(private readonly nv: Niivue) {}

  /** Lays the drawing over the volume, which has its grid. */
  show(drawing: Drawing): void {
    this.drawing = drawing;
    this.nv.opts.drawingEnabled = false;
    this.nv.createEmptyDrawing();
    // NiiVue keeps a copy of each of its own pen's strokes; ours are kept by the history.
    this.nv.drawClearAllUndoBitmaps();
    this.nv.drawBitmap = drawing.labels;
    this.nv.drawOpacity = OPACITY;
    this.nv.drawRimOpacity = EDGE;
    this.nv.drawLut = { lut: colourTable(), min: 0, max: 255, labels: [] };
    // `updateGLVolume` would do this too, but colours the whole volume again.
    this.nv.refreshColormaps();
    this.nv.refreshDrawing(false);
    drawing.takeFresh();
  }

  hide(): void {
    if (this.drawing === null) return;
    this.drawing = null;
    this.nv.closeDrawing();
  }

  get isShown(): boolean {
    return this.drawing !== null;
  }

  /** Sends what changed to the graphics card; a whole volume would be felt at each movement. */
  refresh(): void {
    const span = this.drawing?.takeFresh() ?? null;
    if (span !== null) this.send(span);
  }

  private send({ low, high }: Span): void {
    const { gl, drawTexture } = this.nv;
    const { drawing } = this;
    if (drawing === null || drawTexture === null) return;
    const [width, height, depth] = low.map((from, axis) => high[axis]! - from + 1);
    gl.activeTexture(gl.TEXTURE7);
    gl.bindTexture(gl.TEXTURE_3D, drawTexture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, drawing.dims[0]);
    gl.pixelStorei(gl.UNPACK_IMAGE_HEIGHT, drawing.dims[1]);
    const { RED, UNSIGNED_BYTE, TEXTURE_3D } = gl;
    const first = drawing.labels.subarray(drawing.index(...low));
    gl.texSubImage3D(TEXTURE_3D, 0, ...low, width!, height!, depth!, RED, UNSIGNED_BYTE, first);
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, 0);
    gl.pixelStorei(gl.UNPACK_IMAGE_HEIGHT, 0);
  }
}
