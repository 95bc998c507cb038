/** The sequences of the study, one key each; the patient's other dates are links of the page. */
import type { NVImage } from "@niivue/niivue";

import { bind } from "./keys";
import { loadVolume } from "./loader";
import type { VolumeFacts } from "./manifest";
import type { Stage } from "./stage";
import { usualWindow } from "./windowing";

/** The first volume is loaded by the page's start; the others when they are asked for. */
export class Series {
  readonly volumes: VolumeFacts[];
  private readonly images = new Map<string, NVImage>();
  private wanted = "";

  constructor(private readonly stage: Stage) {
    this.volumes = stage.manifest.volumes.filter((volume) => volume.same_study);
    this.volumes.forEach((volume, n) => {
      if (n < 9) bind(String(n + 1), `Show ${volume.label}`, () => void this.show(volume), "Sequences");
    });
    for (const button of this.buttons()) {
      const volume = this.volumes.find((one) => one.url === button.dataset.volume);
      if (volume !== undefined) button.addEventListener("click", () => void this.show(volume));
    }
  }

  private buttons(): HTMLButtonElement[] {
    return [...this.stage.root.querySelectorAll<HTMLButtonElement>("button[data-volume]")];
  }

  /** Shows `volume`, loaded first where it is not there yet; says so where that fails. */
  async show(volume: VolumeFacts): Promise<void> {
    this.wanted = volume.url;
    try {
      const image = await this.load(volume);
      // Another one may have been asked for meanwhile.
      if (this.wanted === volume.url) this.take(image, volume);
    } catch (error) {
      this.stage.announce(error instanceof Error ? error.message : "It could not be loaded.");
    }
  }

  async load(volume: VolumeFacts): Promise<NVImage> {
    const known = this.images.get(volume.url);
    if (known !== undefined) return known;
    this.mark(volume.url, "loading");
    try {
      const image = await loadVolume(volume.url, volume.grid, volume.label);
      const window = usualWindow(image);
      [image.cal_min, image.cal_max] = [window.low, window.high];
      this.images.set(volume.url, image);
      return image;
    } finally {
      this.mark(volume.url, "");
    }
  }

  private take(image: NVImage, volume: VolumeFacts): void {
    this.stage.show(image, volume);
    for (const button of this.buttons()) {
      button.setAttribute("aria-pressed", String(button.dataset.volume === volume.url));
    }
    this.stage.root.dataset.shown = volume.url;
    this.stage.announce(`${volume.label} is shown`);
  }

  private mark(url: string, state: string): void {
    const button = this.buttons().find((one) => one.dataset.volume === url);
    if (button !== undefined) button.dataset.state = state;
  }
}
