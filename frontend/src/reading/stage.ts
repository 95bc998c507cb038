/**
 * The canvas with its panes: which volume is shown, where the crosshair is, and where on the
 * screen a voxel of the scan being read lies. Tools build on this and on nothing below it.
 */
import { type Niivue, type NVImage, SLICE_TYPE } from "@niivue/niivue";

import { Arrangement } from "./arrangement";
import type { Manifest, VolumeFacts, Voxel } from "./manifest";
import { AXES, drawnSlices, holds, type Box, type Drawn, type PaneName, type PlaneName } from "./panes";
import { makeNiivue } from "./niivue";
import { Painter } from "./painter";
import { Space } from "./space";

export type { PaneName, PlaneName } from "./panes";
export type { Voxel } from "./manifest";

/** A place on the canvas, in CSS pixels from its top left corner. */
export interface Spot {
  plane: PlaneName;
  x: number;
  y: number;
}

export class Stage {
  readonly nv: Niivue;
  readonly canvas: HTMLCanvasElement;
  /** What holds the canvas and all that lies over it; pointers are listened for here. */
  readonly surface: HTMLElement;
  readonly overlay: SVGSVGElement;
  private own: NVImage | null = null;
  /** From the scan being read to what is shown, and back. */
  readonly space: Space;
  private readonly painter: Painter;
  private readonly arrangement: Arrangement;
  private at: Voxel = [0, 0, 0];
  private chosenTool: string | null = null;
  private readonly onFrame: (() => void)[] = [];
  private readonly onToolChange: ((name: string | null) => void)[] = [];
  private readonly onVolumeChange: ((facts: VolumeFacts) => void)[] = [];
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
    this.overlay = find("[data-overlay]");
    this.live = find("[data-live]");
    this.space = new Space(manifest.scan, this.factsOf(manifest.scan.id));
    this.arrangement = new Arrangement(this.canvas);
    this.painter = new Painter(
      this.canvas,
      find("[data-still]"),
      () => this.boxes().get("render"),
      (withRender) => {
        this.arrange(withRender);
        this.nv.drawScene();
      },
    );
    this.nv = makeNiivue(manifest);
  }

  /** The volume of the scan being read; its grid is that of masks and drawings. */
  get volume(): NVImage {
    if (this.own === null) throw new Error("the scan is not loaded yet");
    return this.own;
  }

  /** What is on the canvas now: the scan being read, or another sequence of its study. */
  get shown(): VolumeFacts {
    return this.space.shownFacts;
  }

  /** Whether the volume shown has the voxels of the scan being read; else nothing can be drawn. */
  get isOwnGrid(): boolean {
    return this.space.isShared;
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
      this.painter.forget();
      this.redraw();
    }).observe(this.surface);
  }

  /** Shows `image`, which is the volume of `facts`, where the crosshair stays if it can. */
  show(image: NVImage, facts: VolumeFacts): void {
    const isFirst = this.own === null;
    this.space.take(image, facts);
    if (isFirst) {
      this.own = image;
      this.at = this.toFile(this.dims.map((n) => n >> 1) as Voxel);
    }
    this.at = this.space.stand(this.at);
    this.arrangement.fit(this.dims);
    this.painter.forget();
    // The first slices are on the screen before the 3D pane, which takes longer.
    this.arrange(!isFirst);
    this.nv.volumes = [image, ...this.nv.volumes.slice(1)];
    this.place();
    this.nv.setVolume(image, 0);
    for (const listener of this.onVolumeChange) listener(facts);
    if (!isFirst) this.redraw();
  }

  toFile(ras: Voxel): Voxel {
    return this.space.order.toFile(ras);
  }

  toRas(file: Voxel): Voxel {
    return this.space.order.toRas(file);
  }

  /** The middle of the crosshair's voxel in NiiVue's grid of what is shown. */
  crosshair(): Voxel {
    const { dims } = this;
    return dims.map((n, axis) => this.nv.scene.crosshairPos[axis]! * n - 0.5) as Voxel;
  }

  /** The crosshair's voxel in what is shown, as it is stored there. */
  currentShown(): Voxel {
    return this.space.storedShown(this.space.toShown(this.at).map(Math.round) as Voxel);
  }

  drawn(): Drawn[] {
    return this.space.hasImage ? drawnSlices(this.nv, this.dims) : [];
  }

  /** NiiVue's grid of the volume shown: its shape. */
  get dims(): Voxel {
    return this.space.dims;
  }

  spots(file: Voxel, tolerance = 0.5): Spot[] {
    const ras = this.space.toShown(file);
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
    return { plane: slice.plane, voxel: this.space.fromShown(slice.toRas(x, y)) };
  }

  local(clientX: number, clientY: number): { x: number; y: number } {
    const box = this.canvas.getBoundingClientRect();
    return { x: clientX - box.left, y: clientY - box.top };
  }

  /** The pane under a pointer, its margins included. */
  paneAt(clientX: number, clientY: number): PaneName | null {
    const { x, y } = this.local(clientX, clientY);
    return this.arrangement.paneAt(x, y);
  }

  /** Where the panes lie, in CSS pixels. */
  boxes(): Map<PaneName, Box> {
    return this.arrangement.boxes();
  }

  current(): Voxel {
    return this.space.nearest(this.at);
  }

  /** Moves the crosshair to a voxel of the scan being read; fractions go to the nearest. */
  goTo(file: Voxel): void {
    this.at = this.space.stand(file);
    this.place();
    this.redraw();
  }

  private place(): void {
    const { dims } = this;
    const ras = this.space.toShown(this.at);
    ras.forEach((n, axis) => {
      const inside = Math.min(dims[axis]! - 1, Math.max(0, Math.round(n)));
      this.nv.scene.crosshairPos[axis] = (inside + 0.5) / dims[axis]!;
    });
  }

  /** Moves `pane`'s slice; up, left and to the front are positive. */
  scroll(pane: PaneName, steps: number): void {
    if (pane === "render" || !this.space.hasImage) return;
    const ras = this.space.toShown(this.at).map(Math.round) as Voxel;
    const axis = AXES[pane].through;
    ras[axis] = Math.min(this.dims[axis]! - 1, Math.max(0, ras[axis]! + steps));
    this.goTo(this.space.fromShown(ras));
  }

  get active(): PaneName {
    return this.arrangement.active;
  }

  activate(pane: PaneName): void {
    if (pane === this.arrangement.active) return;
    this.arrangement.active = pane;
    this.redraw();
  }

  get maximised(): PaneName | null {
    return this.arrangement.maximised;
  }

  maximise(pane: PaneName | null): void {
    this.arrangement.maximise(pane);
    this.painter.forget();
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
    this.painter.soon();
  }

  /** As `redraw`, for what changes in the 3D pane itself. */
  redrawRender(): void {
    this.painter.forget();
    this.painter.soon();
  }

  /** Draws everything at once, the 3D pane too. */
  settle(): void {
    this.painter.forget();
    this.painter.now();
  }

  private arrange(withRender: boolean): void {
    this.nv.customLayout = this.arrangement.layout(withRender);
    this.nv.opts.sliceType = SLICE_TYPE.MULTIPLANAR;
  }
}
