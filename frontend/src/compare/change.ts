/** The third pane: the earlier scan with what grew, what is gone and what stayed; or both dates. */
import type { NVImage } from "@niivue/niivue";

import { refreshOverlays } from "../reading/layers";
import { loadVolume } from "../reading/loader";
import type { Manifest } from "../reading/manifest";
import { usualWindow } from "../reading/windowing";
import type { Layers } from "./manifest";
import { named, Pane } from "./pane";

/** Values 1, 2 and 3 of the map: stable, grown, gone; the same colours stand in compare.css. */
const COLOURS = ["#56b4e9", "#d55e00", "#f0e442"];

export class Change {
  private share = 0;

  private constructor(
    readonly pane: Pane,
    readonly later: NVImage,
  ) {}

  static async open(root: HTMLElement, earlier: Manifest, layers: Layers): Promise<Change> {
    const { scan } = earlier;
    const volume = earlier.volumes.find((one) => one.scan_id === scan.id)!.url;
    const loading = loadVolume(layers.later_url, scan.grid, "later");
    loading.catch(() => undefined);
    const pane = await Pane.open(root, { manifest: earlier, volume, mask: null });
    const later = await loading;
    const window = usualWindow(later);
    [later.cal_min, later.cal_max] = [window.low, window.high];
    later.opacity = 0;
    pane.stage.nv.addVolume(later);
    await pane.add({
      name: "Change",
      url: layers.difference_url,
      lesions: named(COLOURS),
      opacity: 0.55,
    });
    return new Change(pane, later);
  }

  /** How much of the later scan is shown in place of the earlier one, from 0 to 1. */
  get blend(): number {
    return this.share;
  }

  set blend(share: number) {
    this.share = share;
    this.later.opacity = share;
    refreshOverlays(this.pane.stage.nv);
    this.pane.stage.redraw();
  }
}
