/** One scan of the two: its own stage, and the layers that lie over it. */
import type { NVImage } from "@niivue/niivue";

import { Layer, Layers, type LayerSource } from "../reading/layers";
import { loadVolume } from "../reading/loader";
import type { LesionFacts, Manifest } from "../reading/manifest";
import { mountMarks } from "../reading/marks";
import { watchPointer } from "../reading/pointer";
import { mountReadout } from "../reading/readout";
import { Stage } from "../reading/stage";
import { usualWindow } from "../reading/windowing";

export interface Source {
  manifest: Manifest;
  volume: string;
  /** A mask on the volume's own grid; null where nothing was found. */
  mask: LayerSource | null;
}

/** For lesions that are not matched between the two dates: then all of them have one colour. */
const MASK_COLOUR = "#e69f00";

/** Names for the values of a map, each with its colour. */
export function named(colours: string[]): LesionFacts[] {
  return colours.map((colour, n) => ({ colour, number: n + 1 }) as LesionFacts);
}

/** The map of lesions, in the colours that they have on every date where they are named. */
export function maskOf(url: string, lesions: LesionFacts[] = []): LayerSource {
  const areNamed = lesions.length > 0 && lesions.every((lesion) => lesion.is_named);
  return {
    name: "Mask",
    url,
    lesions: areNamed ? lesions : named([MASK_COLOUR]),
    opacity: 0.4,
  };
}

export class Pane {
  readonly layers: Layer[] = [];
  toggleCrosshair: () => void = () => undefined;

  private constructor(
    readonly root: HTMLElement,
    readonly stage: Stage,
    readonly image: NVImage,
  ) {}

  /** Builds the stage inside of `root` and shows the scan; the mask comes after it. */
  static async open(root: HTMLElement, source: Source): Promise<Pane> {
    const { scan } = source.manifest;
    fill(root);
    const stage = new Stage(root, source.manifest);
    const loading = loadVolume(source.volume, scan.grid, "scan");
    // A failure of either is told by whoever called.
    loading.catch(() => undefined);
    await stage.attach();
    const image = await loading;
    const window = usualWindow(image);
    [image.cal_min, image.cal_max] = [window.low, window.high];
    const pane = new Pane(root, stage, image);
    pane.toggleCrosshair = mountMarks(stage);
    mountReadout(stage);
    stage.show(image, stage.factsOf(scan.id));
    stage.maximise("axial");
    stage.settle();
    watchPointer(stage);
    root.dataset.firstImage = "";
    if (source.mask !== null) await pane.add(source.mask);
    return pane;
  }

  async add(source: LayerSource): Promise<Layer> {
    const layer = await new Layers(this.stage).add(source);
    this.layers.push(layer);
    return layer;
  }

  /** Gives its WebGL context back: browsers keep only a few at once. */
  close(): void {
    this.stage.nv.gl.getExtension("WEBGL_lose_context")?.loseContext();
    this.root.querySelector("[data-place]")?.replaceChildren();
    delete this.root.dataset.firstImage;
  }
}

function fill(root: HTMLElement): void {
  const made = document.querySelector<HTMLTemplateElement>("[data-pane-template]");
  const place = root.querySelector("[data-place]");
  if (made === null || place === null) throw new Error("the page has no place for a scan");
  place.replaceChildren(made.content.cloneNode(true));
}
