/**
 * Scrolls through the slices of a scan with the mask over them, and what else lies over them.
 *
 * All slices stand in one picture (the atlas), each layer in another of the same size; a slice is
 * cut out of all of them and drawn. The mask's colours are the lesions' own and come with its
 * picture.
 */
interface Atlas {
  count: number;
  columns: number;
  tileWidth: number;
  tileHeight: number;
}

/** A picture over the slices, with the slider and the switch that it has on the page. */
interface Layer {
  name: string;
  picture: HTMLImageElement;
  opacity: HTMLInputElement;
  shown: HTMLInputElement;
}

/** The layers that a page may have, the lowest first, each with the key that shows or hides it. */
const LAYERS: Record<string, string> = { evidence: "e", mask: "m", parts: "p" };

class SliceViewer {
  private readonly canvas: HTMLCanvasElement;
  private readonly slider: HTMLInputElement;
  private readonly label: HTMLElement;
  private readonly image = new Image();
  private readonly layers: Layer[];
  private readonly atlas: Atlas;

  constructor(private readonly root: HTMLElement) {
    const data = root.dataset;
    this.atlas = {
      count: Number(data.count),
      columns: Number(data.columns),
      tileWidth: Number(data.tileWidth),
      tileHeight: Number(data.tileHeight),
    };
    this.canvas = this.find("canvas");
    this.slider = this.find("[data-slice]");
    this.label = this.find("[data-slice-label]");
    this.canvas.width = this.atlas.tileWidth;
    this.canvas.height = this.atlas.tileHeight;
    this.layers = Object.keys(LAYERS)
      .filter((name) => data[name] !== undefined)
      .map((name) => ({
        name,
        picture: new Image(),
        opacity: this.find(`[data-${name}-opacity]`),
        shown: this.find(`[data-${name}-shown]`),
      }));
    this.listen();
    this.image.src = data.image ?? "";
    for (const { name, picture } of this.layers) picture.src = data[name] ?? "";
  }

  private find<T extends Element>(selector: string): T {
    const found = this.root.querySelector<T>(selector);
    if (found === null) throw new Error(`the slice viewer has no ${selector}`);
    return found;
  }

  private listen(): void {
    const draw = (): void => this.draw();
    this.image.addEventListener("load", draw);
    this.image.addEventListener("error", () => {
      this.label.textContent = "The pictures could not be loaded. Please reload the page.";
    });
    this.slider.addEventListener("input", draw);
    for (const { picture, opacity, shown } of this.layers) {
      picture.addEventListener("load", draw);
      for (const input of [opacity, shown]) input.addEventListener("input", draw);
    }
    this.canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.move(Math.sign(event.deltaY));
      },
      { passive: false },
    );
    this.canvas.addEventListener("keydown", (event) => this.onKey(event));
    for (const button of document.querySelectorAll<HTMLElement>("[data-go-to-slice]")) {
      button.addEventListener("click", () => this.goTo(Number(button.dataset.goToSlice)));
    }
  }

  private onKey(event: KeyboardEvent): void {
    const steps: Record<string, number> = {
      ArrowUp: 1,
      ArrowRight: 1,
      ArrowDown: -1,
      ArrowLeft: -1,
      PageUp: 10,
      PageDown: -10,
    };
    const step = steps[event.key];
    if (step !== undefined) {
      event.preventDefault();
      this.move(step);
      return;
    }
    const layer = this.layers.find(({ name }) => LAYERS[name] === event.key);
    if (layer !== undefined) {
      layer.shown.checked = !layer.shown.checked;
      this.draw();
    }
  }

  private move(step: number): void {
    this.goTo(Number(this.slider.value) + step);
  }

  /** Shows slice `number`, counted from 1 at the foot. */
  private goTo(number: number): void {
    this.slider.value = String(Math.min(this.atlas.count, Math.max(1, number)));
    this.draw();
  }

  private draw(): void {
    const number = Number(this.slider.value);
    this.label.textContent = `${number} of ${this.atlas.count}`;
    const context = this.canvas.getContext("2d");
    if (context === null || !this.image.complete || this.image.naturalWidth === 0) return;
    const { tileWidth: width, tileHeight: height, columns } = this.atlas;
    const left = ((number - 1) % columns) * width;
    const top = Math.floor((number - 1) / columns) * height;
    context.globalAlpha = 1;
    context.drawImage(this.image, left, top, width, height, 0, 0, width, height);
    for (const { picture, opacity, shown } of this.layers) {
      if (!shown.checked || !picture.complete || picture.naturalWidth === 0) continue;
      context.globalAlpha = Number(opacity.value) / 100;
      context.drawImage(picture, left, top, width, height, 0, 0, width, height);
    }
    this.root.dataset.drawn = String(number);
  }
}

/** Those that are hidden load nothing until a `slices-shown` event says that they are shown. */
export function mountSliceViewers(): void {
  for (const root of document.querySelectorAll<HTMLElement>("[data-slice-viewer]")) {
    if (root.closest("[hidden]") === null) new SliceViewer(root);
  }
}

export function watchHiddenSlices(): void {
  document.addEventListener("slices-shown", mountSliceViewers, { once: true });
}
