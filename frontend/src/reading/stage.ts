/**
 * The canvas with its panes: which volume is shown, where the crosshair is, and where on the
 * screen a voxel of the scan being read lies. Tools build on this and on nothing below it.
 */
import { Niivue, NVImage, SLICE_TYPE } from "@niivue/niivue";

import { apply, invert, Order, sameGrid } from "./grid";
import type { Manifest, VolumeFacts, Voxel } from "./manifest";
import {
  AXES,
  drawnSlices,
  holds,
  layOut,
  panesFor,
  SLICE_TYPES,
  type Box,
  type Drawn,
  type PaneName,
  type PlaneName,
  type Share,
} from "./panes";
import { Still } from "./still";

export type { PaneName, PlaneName } from "./panes";
export type { Voxel } from "./manifest";

/** A place on the canvas, in CSS pixels from its top left corner. */
export interface Spot {
  plane: PlaneName;
  x: number;
  y: number;
}

/** How long nothing may move before the 3D pane is drawn again, in milliseconds. */
const SETTLED = 180;
/** What a frame may cost, in milliseconds, before the 3D pane is left out while things move. */
const SMOOTH = 24;

export class Stage {
  readonly nv: Niivue;
  readonly canvas: HTMLCanvasElement;
  /** What holds the canvas and all that lies over it; pointers are listened for here. */
  readonly surface: HTMLElement;
  readonly overlay: SVGSVGElement;
  private own: NVImage | null = null;
  private ownOrder: Order | null = null;
  private shownFacts: VolumeFacts;
  private shownOrder: Order | null = null;
  private panes: PaneName[] = [];
  private enlarged: PaneName | null = null;
  private activePane: PaneName = "axial";
  private at: Voxel = [0, 0, 0];
  private chosenTool: string | null = null;
  private readonly onFrame: (() => void)[] = [];
  private readonly onToolChange: ((name: string | null) => void)[] = [];
  private readonly onVolumeChange: ((facts: VolumeFacts) => void)[] = [];
  private requested = 0;
  private settling = 0;
  private fullCost = 0;
  private readonly still: Still;
  private readonly live: HTMLElement;

  constructor(
    readonly root: HTMLElement,
    readonly manifest: Manifest,
  ) {
    const find = <T extends Element>(selector: string): T => {
      const found = root.querySelector<T>(selector);
      if (found === null) throw new Error(`the reading room has no ${selector}`);
      return found;
    };
    this.surface = find("[data-surface]");
    this.canvas = find("[data-canvas]");
    this.still = new Still(find("[data-still]"));
    this.overlay = find("[data-overlay]");
    this.live = find("[data-live]");
    this.shownFacts = this.factsOf(manifest.scan.id);
    this.nv = new Niivue({
      // Pointers, wheel and keys are ours, so that every tool speaks of the file's voxels.
      interactive: false,
      dragAndDropEnabled: false,
      backColor: [0, 0, 0, 1],
      crosshairWidth: 0,
      isRadiologicalConvention: manifest.scan.convention !== "neurological",
      isOrientationTextVisible: false,
      isOrientCube: manifest.scan.has_sides && manifest.scan.kind === "volume",
      multiplanarForceRender: true,
      loadingText: "",
      logLevel: "error",
    });
  }

  /** The volume of the scan being read; its grid is that of masks and drawings. */
  get volume(): NVImage {
    if (this.own === null) throw new Error("the scan is not loaded yet");
    return this.own;
  }

  /** What is on the canvas now: the scan being read, or another sequence of its study. */
  get shown(): VolumeFacts {
    return this.shownFacts;
  }

  /** Whether the volume shown has the voxels of the scan being read; else nothing can be drawn. */
  get isOwnGrid(): boolean {
    return sameGrid(this.shownFacts, this.manifest.scan);
  }

  async attach(): Promise<void> {
    await this.nv.attachToCanvas(this.canvas, false);
    const draw = this.nv.drawScene.bind(this.nv);
    this.nv.drawScene = () => {
      const words = draw();
      for (const listener of this.onFrame) listener();
      return words;
    };
    new ResizeObserver(() => {
      this.still.hide();
      this.redraw();
    }).observe(this.surface);
  }

  /** Shows `image`, which is the volume of `facts`, where the crosshair stays if it can. */
  show(image: NVImage, facts: VolumeFacts): void {
    const isFirst = this.own === null;
    if (isFirst) {
      this.own = image;
      this.ownOrder = new Order(image, this.manifest.scan.shape);
      this.at = this.ownOrder.toFile(this.ownOrder.dims.map((n) => n >> 1) as Voxel);
    }
    this.shownFacts = facts;
    this.shownOrder = new Order(image, facts.shape);
    this.panes = panesFor(this.shownOrder.dims);
    if (this.enlarged !== null && !this.panes.includes(this.enlarged)) this.enlarged = null;
    if (!this.panes.includes(this.activePane)) this.activePane = this.panes[0]!;
    this.still.hide();
    // The first slices are on the screen before the 3D pane, which takes longer.
    this.arrange(!isFirst);
    this.nv.volumes = [image, ...this.nv.volumes.slice(1)];
    this.place();
    this.nv.setVolume(image, 0);
    for (const listener of this.onVolumeChange) listener(facts);
    if (!isFirst) this.redraw();
  }

  toFile(ras: Voxel): Voxel {
    return this.order().toFile(ras);
  }

  toRas(file: Voxel): Voxel {
    return this.order().toRas(file);
  }

  private order(): Order {
    if (this.ownOrder === null) throw new Error("the scan is not loaded yet");
    return this.ownOrder;
  }

  /** A voxel of the scan being read in NiiVue's grid of what is shown; fractions are kept. */
  private toShown(file: Voxel): Voxel {
    if (this.shownOrder === null) return file;
    if (this.isOwnGrid) return this.shownOrder.toRas(file);
    const place = apply(this.manifest.scan.grid, file);
    return this.shownOrder.toRas(apply(invert(this.shownFacts.grid), place));
  }

  private fromShown(ras: Voxel): Voxel {
    if (this.shownOrder === null) return ras;
    const file = this.shownOrder.toFile(ras);
    if (this.isOwnGrid) return file;
    return apply(invert(this.manifest.scan.grid), apply(this.shownFacts.grid, file));
  }

  /** The middle of the crosshair's voxel in NiiVue's grid of what is shown. */
  crosshair(): Voxel {
    const { dims } = this;
    return dims.map((n, axis) => this.nv.scene.crosshairPos[axis]! * n - 0.5) as Voxel;
  }

  /** The crosshair's voxel in what is shown, as it is stored there. */
  currentShown(): Voxel {
    const ras = this.toShown(this.at).map(Math.round) as Voxel;
    return this.shownOrder === null ? ras : this.shownOrder.toFile(ras);
  }

  drawn(): Drawn[] {
    return this.shownOrder === null ? [] : drawnSlices(this.nv, this.shownOrder.dims);
  }

  /** NiiVue's grid of the volume shown: its shape. */
  get dims(): Voxel {
    return this.shownOrder?.dims ?? [1, 1, 1];
  }

  spots(file: Voxel, tolerance = 0.5): Spot[] {
    const ras = this.toShown(file);
    const found: Spot[] = [];
    for (const slice of this.drawn()) {
      const off = Math.abs(ras[AXES[slice.plane].through]! - slice.slice);
      if (off <= tolerance) found.push({ plane: slice.plane, ...slice.toScreen(ras) });
    }
    return found;
  }

  pick(clientX: number, clientY: number): { plane: PlaneName; voxel: Voxel } | null {
    const { x, y } = this.local(clientX, clientY);
    const slice = this.drawn().find((drawn) => holds(drawn.box, x, y));
    if (slice === undefined) return null;
    return { plane: slice.plane, voxel: this.fromShown(slice.toRas(x, y)) };
  }

  local(clientX: number, clientY: number): { x: number; y: number } {
    const box = this.canvas.getBoundingClientRect();
    return { x: clientX - box.left, y: clientY - box.top };
  }

  /** The pane under a pointer, its margins included. */
  paneAt(clientX: number, clientY: number): PaneName | null {
    const { x, y } = this.local(clientX, clientY);
    for (const [pane, box] of this.boxes()) if (holds(box, x, y)) return pane;
    return null;
  }

  /** Where the panes lie, in CSS pixels. */
  boxes(): Map<PaneName, Box> {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const boxes = new Map<PaneName, Box>();
    for (const [pane, [left, top, w, h]] of this.layout()) {
      boxes.set(pane, { left: left * width, top: top * height, width: w * width, height: h * height });
    }
    return boxes;
  }

  private layout(): Map<PaneName, Share> {
    return layOut(this.panes, this.enlarged);
  }

  current(): Voxel {
    return [...this.at];
  }

  /** Moves the crosshair to a voxel of the scan being read; fractions go to the nearest. */
  goTo(file: Voxel): void {
    const shape = this.manifest.scan.shape;
    this.at = file.map((n, axis) => Math.min(shape[axis]! - 1, Math.max(0, Math.round(n)))) as Voxel;
    this.place();
    this.redraw();
  }

  private place(): void {
    const { dims } = this;
    const ras = this.toShown(this.at);
    ras.forEach((n, axis) => {
      const inside = Math.min(dims[axis]! - 1, Math.max(0, Math.round(n)));
      this.nv.scene.crosshairPos[axis] = (inside + 0.5) / dims[axis]!;
    });
  }

  /** Moves `pane`'s slice; up, left and to the front are positive. */
  scroll(pane: PaneName, steps: number): void {
    if (pane === "render" || this.shownOrder === null) return;
    const ras = this.toShown(this.at).map(Math.round) as Voxel;
    const axis = AXES[pane].through;
    ras[axis] = Math.min(this.dims[axis]! - 1, Math.max(0, ras[axis]! + steps));
    this.goTo(this.fromShown(ras));
  }

  get active(): PaneName {
    return this.activePane;
  }

  activate(pane: PaneName): void {
    if (pane === this.activePane) return;
    this.activePane = pane;
    this.redraw();
  }

  get maximised(): PaneName | null {
    return this.enlarged;
  }

  maximise(pane: PaneName | null): void {
    this.enlarged = pane;
    if (pane !== null) this.activePane = pane;
    this.still.hide();
    this.redraw();
  }

  get isRadiological(): boolean {
    return this.nv.opts.isRadiologicalConvention;
  }

  set isRadiological(wanted: boolean) {
    this.nv.opts.isRadiologicalConvention = wanted;
    this.redraw();
  }

  get tool(): string | null {
    return this.chosenTool;
  }

  setTool(name: string | null): void {
    if (name === this.chosenTool) return;
    this.chosenTool = name;
    this.surface.dataset.tool = name ?? "crosshair";
    for (const listener of this.onToolChange) listener(name);
  }

  onTool(listener: (name: string | null) => void): void {
    this.onToolChange.push(listener);
  }

  onRedraw(listener: () => void): void {
    this.onFrame.push(listener);
  }

  onShown(listener: (facts: VolumeFacts) => void): void {
    this.onVolumeChange.push(listener);
  }

  announce(text: string): void {
    this.live.textContent = text;
  }

  factsOf(scanId: string, channel = 0): VolumeFacts {
    const found = this.manifest.volumes.find((v) => v.scan_id === scanId && v.channel === channel);
    if (found === undefined) throw new Error("the manifest does not list the scan itself");
    return found;
  }

  /** Draws on the next frame, however often it is asked for until then. */
  redraw(): void {
    if (this.requested !== 0) return;
    this.requested = requestAnimationFrame(() => {
      this.requested = 0;
      this.drawNow();
    });
  }

  /** As `redraw`, for what changes in the 3D pane itself. */
  redrawRender(): void {
    this.still.hide();
    this.redraw();
  }

  /** Draws everything at once, the 3D pane too. */
  settle(): void {
    this.still.hide();
    this.drawNow();
  }

  private drawNow(): void {
    const render = this.boxes().get("render");
    const isSlow = render !== undefined && this.fullCost > SMOOTH;
    const skip = isSlow && this.still.isShown;
    this.arrange(!skip);
    const begun = performance.now();
    this.nv.drawScene();
    clearTimeout(this.settling);
    if (skip) {
      this.settling = window.setTimeout(() => this.settle(), SETTLED);
      return;
    }
    this.fullCost = performance.now() - begun;
    if (isSlow) this.still.keep(this.canvas, render);
  }

  private arrange(withRender: boolean): void {
    this.nv.customLayout = [...this.layout()]
      .filter(([pane]) => withRender || pane !== "render")
      .map(([pane, position]) => ({ sliceType: SLICE_TYPES[pane], position }));
    this.nv.opts.sliceType = SLICE_TYPE.MULTIPLANAR;
  }
}
