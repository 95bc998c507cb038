/**
 * The same window on all panes. Grey values of MRI have no unit and differ between visits, so a
 * window is kept in shares of each scan's own range and laid on each scan's own values.
 */
import { refreshOverlays } from "../reading/layers";
import { PRESETS, setWindow, usualWindow, type Window } from "../reading/windowing";
import type { NVImage } from "@niivue/niivue";
import type { Pane } from "./pane";

export class Windows {
  private panes: Pane[] = [];
  /** Grey values of further images, drawn with a pane's window: the later scan over the earlier. */
  private readonly riders = new Map<NVImage, Pane>();
  private waiting = 0;
  private shares: Window = { low: 0, high: 1 };
  private preset = 0;
  private isOwn = false;

  add(pane: Pane): void {
    this.panes.push(pane);
    pane.stage.surface.addEventListener("window-changed", () => {
      if (!this.isOwn) this.take(pane);
    });
    this.lay();
  }

  remove(pane: Pane): void {
    this.panes = this.panes.filter((one) => one !== pane);
  }

  /** An image that lies over a pane's scan and shall be windowed with it. */
  ride(image: NVImage, pane: Pane): void {
    this.riders.set(image, pane);
    this.lay();
  }

  get presetName(): string {
    return PRESETS[this.preset]!.name;
  }

  /** The next of the presets that need no lesion, as the earlier scan's own values say. */
  next(): string {
    const lead = this.panes[0];
    if (lead === undefined) return "";
    const usable = PRESETS.length - 1;
    this.preset = (this.preset + 1) % usable;
    const window = PRESETS[this.preset]!.window(lead.image, null);
    if (window !== null) {
      this.isOwn = true;
      setWindow(lead.stage, window);
      this.isOwn = false;
      this.take(lead);
    }
    return this.presetName;
  }

  private take(pane: Pane): void {
    const usual = usualWindow(pane.image);
    const span = usual.high - usual.low;
    this.shares = {
      low: ((pane.image.cal_min ?? usual.low) - usual.low) / span,
      high: ((pane.image.cal_max ?? usual.high) - usual.low) / span,
    };
    this.lay();
  }

  /** Once a frame, as NiiVue colours each whole volume again. */
  private lay(): void {
    if (this.waiting !== 0) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      for (const pane of this.panes) this.put(pane.image, pane);
      for (const [image, pane] of this.riders) this.put(image, pane);
    });
  }

  private put(image: NVImage, pane: Pane): void {
    const usual = usualWindow(image);
    const span = usual.high - usual.low;
    image.cal_min = usual.low + this.shares.low * span;
    image.cal_max = usual.low + this.shares.high * span;
    const index = pane.stage.nv.volumes.indexOf(image);
    if (index < 0) return;
    // Layers are mixed one upon the other: when one changes, those above it are mixed in again.
    if (index > 0) refreshOverlays(pane.stage.nv);
    else pane.stage.nv.refreshLayers(image, index);
    pane.stage.redraw();
  }
}
