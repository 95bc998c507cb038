/**
 * Two volumes at once: the scan being read, whose voxels everything is told in, and the one that
 * is shown, on whose slices it is drawn. Mostly they are the same, or share their grid.
 */
import type { NVImage } from "@niivue/niivue";

import { apply, invert, Order, sameGrid } from "./grid";
import type { ScanFacts, VolumeFacts, Voxel } from "./manifest";

export class Space {
  private own: Order | null = null;
  private shown: Order | null = null;

  constructor(
    private readonly scan: ScanFacts,
    private facts: VolumeFacts,
  ) {}

  get shownFacts(): VolumeFacts {
    return this.facts;
  }

  /** Whether both have the same voxels in the same places. */
  get isShared(): boolean {
    return sameGrid(this.facts, this.scan);
  }

  /** The shape of what is shown, in NiiVue's order. */
  get dims(): Voxel {
    return this.shown?.dims ?? [1, 1, 1];
  }

  get hasImage(): boolean {
    return this.shown !== null;
  }

  /** Takes over what is shown; the first volume is the scan being read. */
  take(image: NVImage, facts: VolumeFacts): void {
    this.own ??= new Order(image, this.scan.shape);
    this.facts = facts;
    this.shown = new Order(image, facts.shape);
  }

  /** The scan's own voxels in NiiVue's order, and back; fractions are kept. */
  get order(): Order {
    if (this.own === null) throw new Error("the scan is not loaded yet");
    return this.own;
  }

  /** A voxel of the scan being read in NiiVue's grid of what is shown. */
  toShown(file: Voxel): Voxel {
    if (this.shown === null) return file;
    if (this.isShared) return this.shown.toRas(file);
    return this.shown.toRas(apply(invert(this.facts.grid), apply(this.scan.grid, file)));
  }

  fromShown(ras: Voxel): Voxel {
    if (this.shown === null) return ras;
    const file = this.shown.toFile(ras);
    if (this.isShared) return file;
    return apply(invert(this.scan.grid), apply(this.facts.grid, file));
  }

  /** The voxel of the scan being read that is nearest to a place. */
  nearest(file: Voxel): Voxel {
    const { shape } = this.scan;
    return file.map((n, axis) => Math.min(shape[axis]! - 1, Math.max(0, Math.round(n)))) as Voxel;
  }

  /**
   * Where the crosshair stands that is sent to `file`: on a voxel of the scan being read; where
   * another grid is shown, between those and beyond them too, so that each of its slices is reached.
   */
  stand(file: Voxel): Voxel {
    return this.isShared ? this.nearest(file) : file;
  }

  /** What is shown: a voxel in NiiVue's grid as it is stored in that volume. */
  storedShown(ras: Voxel): Voxel {
    return this.shown === null ? ras : this.shown.toFile(ras);
  }
}
