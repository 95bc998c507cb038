/**
 * What lies over the scan. A layer is a NIfTI volume on the scan's own grid with its colours; the
 * list shows each with a switch and an opacity. Maps of lesions can be drawn as outlines too.
 */
import type { Niivue, NVImage } from "@niivue/niivue";

import { loadVolume } from "./loader";
import type { LesionFacts, PartFacts } from "./manifest";
import { Outlines } from "./outlines";
import type { Stage } from "./stage";

/** NIfTI's intent code for numbers that are names; NiiVue colours each by itself then. */
const LABELS = 1002;

export type Style = "fill" | "outline";

export interface LayerSource {
  name: string;
  url: string;
  /** The value of each voxel names a lesion, with its colour here. */
  lesions?: LesionFacts[];
  /** Or it is a value of the mask, with its colour; else `colormap` colours it. */
  parts?: PartFacts[];
  colormap?: string;
  /** The values at both ends of `colormap`. */
  range?: [number, number];
  opacity: number;
}

/** The colour of the lesion that a voxel names; numbers above 255 share those of the first. */
function lesionColour(lesions: LesionFacts[]): (number: number) => string {
  const colours = lesions.map((lesion) => lesion.colour);
  return (number) => colours[(number - 1) % Math.max(1, colours.length)] ?? "#e69f00";
}

function partColour(parts: PartFacts[]): (value: number) => string {
  const colours = new Map(parts.map((part) => [part.value, part.colour]));
  return (value) => colours.get(value) ?? "#bbbbbb";
}

/** NiiVue's table for numbers from 0 to 255: the colour of each, none for 0. */
function labelColours(of: (number: number) => string): Parameters<NVImage["setColormapLabel"]>[0] {
  const table = { R: [0], G: [0], B: [0], A: [0], I: [0], labels: [""] };
  for (let number = 1; number < 256; number += 1) {
    const colour = of(number);
    table.R.push(parseInt(colour.slice(1, 3), 16));
    table.G.push(parseInt(colour.slice(3, 5), 16));
    table.B.push(parseInt(colour.slice(5, 7), 16));
    table.A.push(255);
    table.I.push(number);
    table.labels.push(String(number));
  }
  return table;
}

/**
 * Has NiiVue mix what lies over the scan anew. Its own `setOpacity` would colour the scan again too
 * and work out its gradients, which takes seconds for a large volume without a graphics card.
 */
export function refreshOverlays(nv: Niivue): void {
  nv.volumes.forEach((image, index) => {
    if (index > 0) nv.refreshLayers(image, index);
  });
}

export class Layer {
  isShown = true;
  style: Style = "fill";
  opacity: number;
  readonly outlines: Outlines | null;

  constructor(
    private readonly stage: Stage,
    readonly source: LayerSource,
    readonly image: NVImage,
  ) {
    this.opacity = source.opacity;
    this.outlines = source.lesions ? new Outlines(stage, image, source.lesions) : null;
    const colour = source.lesions
      ? lesionColour(source.lesions)
      : source.parts && partColour(source.parts);
    if (colour) {
      image.setColormapLabel(labelColours(colour));
      if (image.hdr !== null) image.hdr.intent_code = LABELS;
    } else if (source.colormap) {
      image.colormap = source.colormap;
      if (source.range) [image.cal_min, image.cal_max] = source.range;
    }
  }

  /** Takes over what was set; NiiVue colours the layer again. */
  update(): void {
    const filled = this.isShown && (this.style === "fill" || this.outlines === null);
    this.image.opacity = filled ? this.opacity : 0;
    refreshOverlays(this.stage.nv);
    if (this.outlines !== null) {
      this.outlines.opacity = this.isShown && this.style === "outline" ? 1 : 0;
    }
    this.stage.redrawRender();
  }
}

interface Row {
  row: HTMLElement;
  shown: HTMLInputElement;
  opacity: HTMLInputElement;
}

export class Layers {
  readonly all: Layer[] = [];
  private readonly list: HTMLElement | null;

  constructor(private readonly stage: Stage) {
    this.list = stage.root.querySelector("[data-layers]");
  }

  /** The map of the lesions, once it is loaded. */
  get lesions(): Layer | undefined {
    return this.all.find((layer) => layer.source.lesions !== undefined);
  }

  async add(source: LayerSource): Promise<Layer> {
    const layer = await this.load(source);
    const { row, shown } = this.row(source, () => layer);
    shown.dataset.layerShown = "";
    shown.checked = true;
    if (layer.outlines !== null) row.append(styleButton(layer));
    layer.update();
    return layer;
  }

  /** A layer that is hidden at first, and loaded when it is switched on for the first time. */
  offer(source: LayerSource): HTMLInputElement {
    let layer: Layer | null = null;
    let asked: Promise<void> | null = null;
    const { row, shown, opacity } = this.row(source, () => layer);
    const fetch = async (): Promise<void> => {
      row.dataset.state = "loading";
      try {
        layer = await this.load(source);
        layer.isShown = shown.checked;
        layer.opacity = Number(opacity.value) / 100;
        layer.update();
      } catch (error) {
        shown.checked = false;
        // Switched on again, it is asked for again.
        asked = null;
        this.stage.announce(error instanceof Error ? error.message : "It could not be loaded.");
      } finally {
        row.dataset.state = "";
      }
    };
    shown.addEventListener("change", () => {
      if (shown.checked) asked ??= fetch();
    });
    return shown;
  }

  private async load(source: LayerSource): Promise<Layer> {
    const { grid } = this.stage.manifest.scan;
    const layer = new Layer(this.stage, source, await loadVolume(source.url, grid, "layer"));
    this.all.push(layer);
    this.stage.nv.addVolume(layer.image);
    return layer;
  }

  /** The layer's line in the list; `layerOf` gives the layer once it is loaded. */
  private row(source: LayerSource, layerOf: () => Layer | null): Row {
    const row = document.createElement("div");
    row.className = "layer";
    const shown = document.createElement("input");
    shown.type = "checkbox";
    const label = document.createElement("label");
    label.append(shown, ` ${source.name}`);
    const opacity = document.createElement("input");
    opacity.type = "range";
    opacity.min = "0";
    opacity.max = "100";
    opacity.value = String(Math.round(source.opacity * 100));
    opacity.setAttribute("aria-label", `Opacity of ${source.name}`);
    const update = (): void => {
      const layer = layerOf();
      if (layer === null) return;
      layer.isShown = shown.checked;
      layer.opacity = Number(opacity.value) / 100;
      layer.update();
    };
    shown.addEventListener("change", update);
    opacity.addEventListener("input", update);
    row.append(label, opacity);
    this.list?.append(row);
    return { row, shown, opacity };
  }
}

function styleButton(layer: Layer): HTMLElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button small";
  button.dataset.layerStyle = "";
  const write = (): void => {
    button.textContent = layer.style === "fill" ? "Fill" : "Outline";
    button.title = "Fill or outline (o)";
  };
  button.addEventListener("click", () => {
    layer.style = layer.style === "fill" ? "outline" : "fill";
    write();
    layer.update();
  });
  write();
  return button;
}
