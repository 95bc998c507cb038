/** The two scans side by side at once; the change between them as soon as it is there. */
import type { Style } from "../reading/layers";
import type { Manifest } from "../reading/manifest";
import { Change } from "./change";
import { inShares, Link, throughWorld } from "./link";
import type { Layers, Pair } from "./manifest";
import { maskOf, Pane, type Source } from "./pane";
import { Windows } from "./windows";

export interface Masks {
  isShown: boolean;
  style: Style;
  opacity: number;
}

export class Room {
  readonly windows = new Windows();
  readonly masks: Masks = { isShown: true, style: "fill", opacity: 0.4 };
  private readonly link = new Link();
  private earlier: Pane | null = null;
  private later: Pane | null = null;
  private change: Change | null = null;
  private shownLayers = "";

  constructor(
    readonly root: HTMLElement,
    readonly pair: Pair,
  ) {}

  /** The pane that leads the others when a key or a button moves them. */
  get lead(): Pane {
    if (this.earlier === null) throw new Error("the earlier scan is not loaded yet");
    return this.earlier;
  }

  get panes(): Pane[] {
    return [this.earlier, this.later, this.change?.pane].filter(
      (pane): pane is Pane => pane !== null && pane !== undefined,
    );
  }

  /** Opens both sides; with `layers` of a comparison that is there already, the later one aligned. */
  async open(layers: Layers | null): Promise<void> {
    const { earlier, later } = this.pair;
    const aligned = layers !== null && this.isMoved(layers) ? layers : null;
    [this.earlier, this.later] = await Promise.all([
      Pane.open(this.place("earlier"), asScanned(earlier)),
      Pane.open(
        this.place("later"),
        aligned === null ? asScanned(later) : onGridOf(earlier, later, aligned),
      ),
    ]);
    for (const pane of this.panes) this.join(pane);
    if (aligned === null) this.linkLater();
    else this.markAligned();
    const voxel = earlier.result?.lesions[0]?.key_voxel;
    if (voxel !== undefined) this.earlier.stage.goTo(voxel);
    this.link.lead(this.earlier.stage);
    this.layMasks();
  }

  /** Shows what a finished comparison has found, once for each of them. */
  async show(layers: Layers): Promise<void> {
    if (this.shownLayers === layers.id || this.earlier === null) return;
    this.shownLayers = layers.id;
    const place = this.place("change");
    place.hidden = false;
    this.root.querySelector("[data-blending]")?.toggleAttribute("hidden", false);
    const isAligned = this.later?.root.dataset.aligned !== undefined;
    if (this.isMoved(layers) && !isAligned) await this.align(layers);
    if (this.change !== null) this.part(this.change.pane);
    this.change = await Change.open(place, this.pair.earlier, layers);
    const { pane } = this.change;
    this.join(pane);
    this.windows.ride(this.change.later, pane);
    this.link.map(this.earlier.stage, pane.stage, (v) => v, (v) => v);
    // Whatever had to be moved now lies on the earlier scan's grid.
    if (this.later !== null) this.link.map(this.later.stage, pane.stage, (v) => v, (v) => v);
    this.link.lead(this.earlier.stage);
    this.layMasks();
    place.dataset.loaded = "";
  }

  blend(share: number): void {
    if (this.change === null) return;
    this.change.blend = share;
    const words = this.root.querySelector("[data-blend-words]");
    const isAligned = this.later?.root.dataset.aligned !== undefined;
    const later = isAligned ? "Later, aligned" : "Later";
    const name = share === 0 ? "Earlier" : share === 1 ? later : "Both";
    if (words !== null) words.textContent = name;
    this.change.pane.stage.announce(`${name} is shown`);
  }

  layMasks(): void {
    for (const pane of this.panes) {
      for (const layer of pane.layers) {
        layer.isShown = this.masks.isShown;
        layer.style = this.masks.style;
        layer.opacity = this.masks.opacity;
        layer.update();
      }
    }
  }

  private place(name: string): HTMLElement {
    const found = this.root.querySelector<HTMLElement>(`[data-pane-of="${name}"]`);
    if (found === null) throw new Error(`the page has no pane for ${name}`);
    return found;
  }

  private join(pane: Pane): void {
    this.link.add(pane.stage);
    this.windows.add(pane);
  }

  private part(pane: Pane): void {
    this.link.remove(pane.stage);
    this.windows.remove(pane);
    pane.close();
  }

  /** The later scan as it lies on the earlier one's grid: slice by slice the same place. */
  private async align(layers: Layers): Promise<void> {
    if (this.later !== null) this.part(this.later);
    const place = this.place("later");
    this.later = await Pane.open(place, onGridOf(this.pair.earlier, this.pair.later, layers));
    this.join(this.later);
    this.markAligned();
  }

  private markAligned(): void {
    if (this.later === null) return;
    const { root, stage } = this.later;
    root.dataset.aligned = "";
    root.querySelector("[data-aligned-words]")?.toggleAttribute("hidden", false);
    this.link.map(this.lead.stage, stage, (v) => v, (v) => v);
  }

  private isMoved(layers: Layers): boolean {
    return !this.pair.same_grid || !isIdentity(layers);
  }

  /** As the files place both, until a comparison says better. */
  private linkLater(): void {
    if (this.earlier === null || this.later === null) return;
    const [from, to] = [this.pair.earlier.scan, this.pair.later.scan];
    const isPlaced = from.affine !== null && to.affine !== null;
    const there = isPlaced ? throughWorld(from, to) : inShares(from, to);
    const back = isPlaced ? throughWorld(to, from) : inShares(to, from);
    this.link.map(this.earlier.stage, this.later.stage, there, back);
  }
}

function asScanned(manifest: Manifest): Source {
  const { scan, result } = manifest;
  const volume = manifest.volumes.find((one) => one.scan_id === scan.id)!.url;
  const mask = result === null || result.found_nothing ? null : maskOf(result.lesions_url, result.lesions);
  return { manifest, volume, mask };
}

function onGridOf(earlier: Manifest, later: Manifest, layers: Layers): Source {
  const { shape, grid, affine } = earlier.scan;
  const scan = { ...later.scan, shape, grid, affine };
  const volumes = later.volumes.map((one) => ({ ...one, shape, grid, affine }));
  const { mask } = asScanned(later);
  return {
    manifest: { ...later, scan, volumes },
    volume: layers.later_url,
    mask: mask === null ? null : maskOf(layers.later_mask_url),
  };
}

function isIdentity({ matrix }: Layers): boolean {
  return matrix.every((row, r) => row.every((v, c) => Math.abs(v - (r === c ? 1 : 0)) < 1e-9));
}
