/** Window and level: which grey values run from black to white. */
import type { NVImage } from "@niivue/niivue";

import { bind } from "./keys";
import type { Stage } from "./stage";

export interface Window {
  low: number;
  high: number;
}

/** As many values are looked at for the percentiles; more say the same. */
const SAMPLES = 200_000;
/** A drag across so many pixels spans the values of the whole volume. */
const DRAG = 900;

const known = new WeakMap<NVImage, Float32Array>();

/** Scaled values of the volume, in order, without its background; at most `SAMPLES` of them. */
function sortedValues(image: NVImage): Float32Array {
  const kept = known.get(image);
  if (kept !== undefined) return kept;
  const values = image.img ?? new Float32Array(1);
  const step = Math.max(1, Math.floor(values.length / SAMPLES));
  const background = values[0] ?? 0;
  const sample: number[] = [];
  for (let n = 0; n < values.length; n += step) {
    const value = values[n] as number;
    if (value !== background && Number.isFinite(value)) sample.push(scaled(image, value));
  }
  if (sample.length === 0) sample.push(0, 1);
  const sorted = Float32Array.from(sample).sort();
  known.set(image, sorted);
  return sorted;
}

export function scaled(image: NVImage, stored: number): number {
  const slope = image.hdr?.scl_slope || 1;
  return stored * slope + (image.hdr?.scl_inter ?? 0);
}

function percentile(sorted: Float32Array, percent: number): number {
  const at = Math.round((percent / 100) * (sorted.length - 1));
  return sorted[Math.min(sorted.length - 1, Math.max(0, at))]!;
}

function between(sorted: Float32Array, low: number, high: number): Window {
  const window = { low: percentile(sorted, low), high: percentile(sorted, high) };
  return window.high > window.low ? window : { low: window.low, high: window.low + 1 };
}

/** What is brighter than air, by a tenth of the way to the brightest: noise in air stays black. */
function tissue(image: NVImage): Float32Array {
  const sorted = sortedValues(image);
  const air = sorted[0]! + 0.1 * (percentile(sorted, 99.5) - sorted[0]!);
  const first = sorted.findIndex((value) => value >= air);
  return sorted.subarray(Math.max(0, first));
}

/** From the darkest tissue to all but the brightest half per cent. */
export function usualWindow(image: NVImage): Window {
  return between(tissue(image), 0, 99.5);
}

/** The values inside lesions, with as much again on either side; null where there are none. */
function lesionWindow(image: NVImage, labels: NVImage | null): Window | null {
  const marks = labels?.img;
  const values = image.img;
  if (!marks || !values || marks.length !== values.length) return null;
  const inside: number[] = [];
  for (let n = 0; n < marks.length; n += 1) {
    if (marks[n] !== 0) inside.push(scaled(image, values[n] as number));
  }
  if (inside.length === 0) return null;
  const { low, high } = between(Float32Array.from(inside).sort(), 5, 95);
  return { low: low - (high - low), high: high + (high - low) / 2 };
}

export interface Preset {
  name: string;
  window: (image: NVImage, lesions: NVImage | null) => Window | null;
}

export const PRESETS: readonly Preset[] = [
  { name: "Standard", window: usualWindow },
  { name: "Narrow", window: (image) => between(tissue(image), 20, 98) },
  { name: "Wide", window: (image) => between(sortedValues(image), 0, 100) },
  { name: "Lesion", window: lesionWindow },
];

export function currentWindow(stage: Stage): Window {
  const image = stage.nv.volumes[0];
  return { low: image?.cal_min ?? 0, high: image?.cal_max ?? 1 };
}

let waiting = 0;

export function setWindow(stage: Stage, window: Window): void {
  const image = stage.nv.volumes[0];
  if (image === undefined || !(window.high > window.low)) return;
  image.cal_min = window.low;
  image.cal_max = window.high;
  stage.surface.dispatchEvent(new CustomEvent("window-changed"));
  // NiiVue colours the whole volume again: once a frame is enough.
  if (waiting !== 0) return;
  waiting = requestAnimationFrame(() => {
    waiting = 0;
    const shown = stage.nv.volumes[0];
    if (shown !== undefined) stage.nv.refreshLayers(shown, 0);
    stage.redraw();
  });
}

/** A drag to the right widens the window, one upwards brightens the picture. */
export function changeWindow(stage: Stage, right: number, down: number): void {
  const image = stage.nv.volumes[0];
  if (image === undefined) return;
  const sorted = sortedValues(image);
  const unit = (sorted[sorted.length - 1]! - sorted[0]!) / DRAG;
  const { low, high } = currentWindow(stage);
  const width = Math.max(unit, high - low + right * unit);
  const level = (low + high) / 2 + down * unit;
  setWindow(stage, { low: level - width / 2, high: level + width / 2 });
}

/** The panel of presets and numbers, and the key for the next preset. */
export function mountWindowing(stage: Stage, lesionsOf: () => NVImage | null): void {
  const panel = stage.root.querySelector<HTMLElement>("[data-windowing]");
  const level = panel?.querySelector<HTMLInputElement>("[data-level]");
  const width = panel?.querySelector<HTMLInputElement>("[data-width]");
  if (!panel || !level || !width) return;
  let chosen = 0;
  const buttons = PRESETS.map((preset, n) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button small";
    button.textContent = preset.name;
    button.addEventListener("click", () => choose(n));
    return button;
  });
  panel.querySelector("[data-presets]")?.append(...buttons);
  const choose = (n: number): void => {
    const image = stage.nv.volumes[0];
    const window = image === undefined ? null : PRESETS[n]!.window(image, lesionsOf());
    if (window === null) return stage.announce("There is no lesion to set the window by.");
    setWindow(stage, window);
    mark(n);
    stage.announce(`Window: ${PRESETS[n]!.name}`);
  };
  const mark = (n: number | null): void => {
    chosen = n ?? chosen;
    buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(at === n)));
  };
  const write = (): void => {
    const { low, high } = currentWindow(stage);
    level.value = rounded((low + high) / 2);
    width.value = rounded(high - low);
    mark(null);
  };
  const read = (): void => {
    const [l, w] = [Number(level.value), Number(width.value)];
    if (Number.isFinite(l) && w > 0) setWindow(stage, { low: l - w / 2, high: l + w / 2 });
  };
  level.addEventListener("change", read);
  width.addEventListener("change", read);
  stage.surface.addEventListener("window-changed", write);
  stage.onShown(() => {
    write();
    mark(0);
  });
  write();
  mark(0);
  bind("q", "Next window preset", () => choose((chosen + 1) % PRESETS.length));
}

function rounded(value: number): string {
  return Math.abs(value) >= 10 ? value.toFixed(0) : value.toPrecision(3);
}
