/**
 * Scrolls through the slices of a scan with the mask over them.
 *
 * All slices stand in one picture (the atlas), their masks in another; a slice is cut out of both
 * and drawn. The mask's colours are the lesions' own and come with its picture.
 */
interface Atlas {
  count: number;
  columns: number;
  tileWidth: number;
  tileHeight: number;
}

class SliceViewer {
  private readonly canvas: HTMLCanvasElement;
  private readonly slider: HTMLInputElement;
  private readonly opacity: HTMLInputElement;
  private readonly shown: HTMLInputElement;
  private readonly label: HTMLElement;
  private readonly image = new Image();
  private readonly mask = new Image();
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
    this.opacity = this.find("[data-opacity]");
    this.shown = this.find("[data-mask-shown]");
    this.label = this.find("[data-slice-label]");
    this.canvas.width = this.atlas.tileWidth;
    this.canvas.height = this.atlas.tileHeight;
    this.listen();
    this.image.src = data.image ?? "";
    this.mask.src = data.mask ?? "";
  }

  private find<T extends Element>(selector: string): T {
    const found = this.root.querySelector<T>(selector);
    if (found === null) throw new Error(`the slice viewer has no ${selector}`);
    return found;
  }

  private listen(): void {
    const draw = (): void => this.draw();
    this.image.addEventListener("load", draw);
    this.mask.addEventListener("load", draw);
    this.image.addEventListener("error", () => {
      this.label.textContent = "The pictures could not be loaded. Please reload the page.";
    });
    for (const input of [this.slider, this.opacity, this.shown]) {
      input.addEventListener("input", draw);
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
    } else if (event.key === "m") {
      this.shown.checked = !this.shown.checked;
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
    if (this.shown.checked && this.mask.complete && this.mask.naturalWidth > 0) {
      context.globalAlpha = Number(this.opacity.value) / 100;
      context.drawImage(this.mask, left, top, width, height, 0, 0, width, height);
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
