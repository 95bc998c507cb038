/** Which panes stand on the canvas, where, and which one of them keys go to. */
import type { SLICE_TYPE } from "@niivue/niivue";

import type { Voxel } from "./manifest";
import { holds, layOut, panesFor, SLICE_TYPES, type Box, type PaneName, type Share } from "./panes";

export class Arrangement {
  private panes: PaneName[] = [];
  private enlarged: PaneName | null = null;
  active: PaneName = "axial";

  constructor(private readonly canvas: HTMLCanvasElement) {}

  /** The panes that a grid of `dims` fills; one that it has not is neither enlarged nor active. */
  fit(dims: Voxel): void {
    this.panes = panesFor(dims);
    if (this.enlarged !== null && !this.panes.includes(this.enlarged)) this.enlarged = null;
    if (!this.panes.includes(this.active)) this.active = this.panes[0]!;
  }

  get maximised(): PaneName | null {
    return this.enlarged;
  }

  maximise(pane: PaneName | null): void {
    this.enlarged = pane;
    if (pane !== null) this.active = pane;
  }

  /** The panes as NiiVue is told of them, the 3D one only `withRender`. */
  layout(withRender: boolean): { sliceType: SLICE_TYPE; position: Share }[] {
    return [...this.shares()]
      .filter(([pane]) => withRender || pane !== "render")
      .map(([pane, position]) => ({ sliceType: SLICE_TYPES[pane], position }));
  }

  private shares(): Map<PaneName, Share> {
    return layOut(this.panes, this.enlarged);
  }

  /** Where the panes lie, in CSS pixels. */
  boxes(): Map<PaneName, Box> {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const boxes = new Map<PaneName, Box>();
    for (const [pane, [left, top, w, h]] of this.shares()) {
      boxes.set(pane, { left: left * width, top: top * height, width: w * width, height: h * height });
    }
    return boxes;
  }

  /** The pane at a place on the canvas, its margins included. */
  paneAt(x: number, y: number): PaneName | null {
    for (const [pane, box] of this.boxes()) if (holds(box, x, y)) return pane;
    return null;
  }
}
