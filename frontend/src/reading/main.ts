/** The reading room: the scan first and alone, then its lesions, then what is asked for. */
import { mountEditing } from "./edit/index";
import { bind, showSheet, watchKeys } from "./keys";
import { Layers } from "./layers";
import { mountLesions } from "./lesions";
import { readManifest } from "./manifest";
import { mountMarks } from "./marks";
import { mountMeasures } from "./measure/index";
import { bindCrosshair } from "./nudge";
import { watchPointer, resetView, zoom } from "./pointer";
import { mountReadout } from "./readout";
import { Series } from "./series";
import { Stage } from "./stage";
import { addAction, addTool } from "./tools";
import { mountParts } from "./parts";
import { mountUnsure } from "./unsure";
import { mountWindowing } from "./windowing";

const ICONS = {
  crosshair: "M12 3v6M12 15v6M3 12h6M15 12h6",
  window: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  pan: "M12 3v18M3 12h18M9 6l3-3 3 3M9 18l3 3 3-3M6 9l-3 3 3 3M18 9l3 3-3 3",
  maximise: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  mirror: "M12 3v18M9 8l-5 4 5 4zM15 8l5 4-5 4z",
  reset: "M5 8a8 8 0 1 1-1 5M4 4v5h5",
  lines: "M12 3v18M3 12h18",
  keys: "M3 7h18v10H3zM7 11h.01M11 11h.01M15 11h.01M8 14h8",
};

function hasWebGl2(): boolean {
  return document.createElement("canvas").getContext("webgl2") !== null;
}

function addLookTools(stage: Stage, toggleCrosshair: () => void): void {
  addTool(stage, null, { label: "Crosshair", key: "c", icon: ICONS.crosshair });
  addTool(stage, "window", { label: "Window", key: "w", icon: ICONS.window, words: "Drag to window" });
  addTool(stage, "pan", { label: "Move", key: "p", icon: ICONS.pan, words: "Drag to move" });
  addAction(
    stage,
    { label: "One pane", key: "f", icon: ICONS.maximise, words: "One pane or all" },
    () => stage.maximise(stage.maximised === null ? stage.active : null),
  );
  if (stage.manifest.scan.has_sides) addConvention(stage);
  addAction(stage, { label: "Lines", key: "x", icon: ICONS.lines, words: "Crosshair lines" }, toggleCrosshair);
  addAction(stage, { label: "Reset", key: "z", icon: ICONS.reset, words: "Reset zoom and place" }, () =>
    resetView(stage),
  );
  const sheet = document.querySelector<HTMLDialogElement>("[data-sheet]");
  if (sheet !== null) {
    addAction(stage, { label: "Keys", key: "?", icon: ICONS.keys, words: "This list", group: "Look" }, () =>
      showSheet(sheet),
    );
  }
}

function addConvention(stage: Stage): void {
  const words = stage.root.querySelector("[data-convention]");
  const write = (): void => {
    const name = stage.isRadiological ? "Radiological" : "Neurological";
    const edge = stage.isRadiological ? "right" : "left";
    if (words) words.textContent = `${name}: L is on the ${edge}`;
  };
  addAction(
    stage,
    { label: "L / R", key: "v", icon: ICONS.mirror, words: "Radiological or neurological" },
    () => {
      stage.isRadiological = !stage.isRadiological;
      write();
      stage.announce(words?.textContent ?? "");
    },
  );
  write();
}

function bindScrolling(stage: Stage): void {
  const move = (steps: number) => () => stage.scroll(stage.active, steps);
  bind("ArrowUp", "Next slice", move(1), "Slices");
  bind("ArrowDown", "Previous slice", move(-1), "Slices");
  bind("ArrowRight", "Next slice", move(1), "Slices");
  bind("ArrowLeft", "Previous slice", move(-1), "Slices");
  bind("PageUp", "Ten slices on", move(10), "Slices");
  bind("PageDown", "Ten slices back", move(-10), "Slices");
  bind("Home", "First slice", move(-10_000), "Slices");
  bind("End", "Last slice", move(10_000), "Slices");
  bind("+", "Nearer", () => zoom(stage, 1), "Slices");
  bind("-", "Farther", () => zoom(stage, -1), "Slices");
  bindCrosshair(stage);
}

/** Once the browser has had the time to put on the screen what was drawn. */
function painted(): Promise<void> {
  return new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
}

async function loadLesions(stage: Stage, layers: Layers): Promise<void> {
  const { result } = stage.manifest;
  if (result === null || result.found_nothing) return;
  const name = `Lesions, version ${result.version}`;
  await layers.add({ name, url: result.lesions_url, lesions: result.lesions, opacity: 0.45 });
  const press = (selector: string) => () =>
    stage.root.querySelector<HTMLElement>(`[data-layers] ${selector}`)?.click();
  bind("m", "Mask on or off", press("[data-layer-shown]"), "Mask");
  bind("o", "Fill or outline", press("[data-layer-style]"), "Mask");
}

async function open(root: HTMLElement): Promise<void> {
  const stage = new Stage(root, readManifest());
  const series = new Series(stage);
  const layers = new Layers(stage);
  const own = stage.factsOf(stage.manifest.scan.id, Number(root.dataset.channel ?? 0));
  const first = series.load(own);
  // NiiVue starts while the file is on its way; a failure of either is told below.
  first.catch(() => undefined);
  await stage.attach();
  await first;
  const toggleCrosshair = mountMarks(stage);
  mountReadout(stage);
  await series.show(own);
  // A reader looks at the largest lesion first; without one, at the middle of the head.
  const largest = stage.manifest.result?.lesions[0];
  if (largest !== undefined) stage.goTo(largest.key_voxel);
  performance.mark("first-image");
  root.dataset.firstImage = "";
  await painted();
  addLookTools(stage, toggleCrosshair);
  watchPointer(stage);
  watchKeys();
  bindScrolling(stage);
  mountWindowing(stage, () => layers.lesions?.image ?? null);
  stage.settle();
  await loadLesions(stage, layers);
  mountParts(stage, layers);
  mountUnsure(stage, layers);
  mountLesions(stage);
  mountMeasures(stage);
  mountEditing(stage);
  root.dataset.ready = "";
}

function refuse(root: HTMLElement): void {
  root.dataset.fallback = "";
  root.querySelector("[data-viewer]")?.toggleAttribute("hidden", true);
  root.querySelector("[data-no-webgl]")?.toggleAttribute("hidden", false);
  document.dispatchEvent(new Event("slices-shown"));
}

const root = document.querySelector<HTMLElement>("[data-reading-room]");
if (root !== null) {
  if (!hasWebGl2()) refuse(root);
  else {
    open(root).catch((error: unknown) => {
      const notice = root.querySelector<HTMLElement>("[data-problem]");
      if (notice !== null) {
        notice.hidden = false;
        notice.textContent = error instanceof Error ? error.message : String(error);
      }
      root.dataset.failed = "";
    });
  }
}
