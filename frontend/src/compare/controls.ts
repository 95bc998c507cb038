/** The panel of the compare page, and its keys: the same setting holds on all panes. */
import { bind, showSheet } from "../reading/keys";
import type { PlaneName } from "../reading/panes";
import { resetView, zoom } from "../reading/pointer";
import type { Stage } from "../reading/stage";
import type { Room } from "./room";

const PLANES: readonly [string, PlaneName, string][] = [
  ["1", "axial", "Axial"],
  ["2", "coronal", "Coronal"],
  ["3", "sagittal", "Sagittal"],
];
/** How long each date is shown while they alternate, in milliseconds. */
const BLINK = 700;

export function mountControls(room: Room): void {
  mountPlanes(room);
  mountMasks(room);
  mountLook(room);
  mountBlend(room);
  const sheet = document.querySelector<HTMLDialogElement>("[data-sheet]");
  const button = room.root.querySelector("[data-show-sheet]");
  const show = (): void => {
    if (sheet !== null) showSheet(sheet);
  };
  button?.addEventListener("click", show);
  bind("?", "This list", show);
}

function press(name: string, room: Room, action: () => void): HTMLButtonElement | null {
  const button = room.root.querySelector<HTMLButtonElement>(`[data-${name}]`);
  button?.addEventListener("click", action);
  return button;
}

function mountPlanes(room: Room): void {
  const lead = (act: (stage: Stage) => void) => () => act(room.lead.stage);
  for (const [key, plane, words] of PLANES) {
    const choose = lead((stage) => stage.maximise(plane));
    room.root.querySelector(`[data-plane="${plane}"]`)?.addEventListener("click", choose);
    bind(key, words, choose, "Slices");
  }
  const all = lead((stage) => stage.maximise(stage.maximised === null ? stage.active : null));
  press("all-planes", room, all);
  bind("f", "One plane or all, with 3D", all, "Slices");
  const move = (steps: number) => lead((stage) => stage.scroll(stage.active, steps));
  for (const [key, steps] of [["ArrowUp", 1], ["ArrowRight", 1], ["PageUp", 10]] as const) {
    bind(key, steps > 1 ? "Ten slices on" : "Next slice", move(steps), "Slices");
  }
  for (const [key, steps] of [["ArrowDown", -1], ["ArrowLeft", -1], ["PageDown", -10]] as const) {
    bind(key, steps < -1 ? "Ten slices back" : "Previous slice", move(steps), "Slices");
  }
  bind("+", "Nearer", lead((stage) => zoom(stage, 1)), "Slices");
  bind("-", "Farther", lead((stage) => zoom(stage, -1)), "Slices");
  bind("z", "Reset zoom and place", lead(resetView), "Slices");
}

function mountMasks(room: Room): void {
  const shown = room.root.querySelector<HTMLInputElement>("[data-masks-shown]");
  const opacity = room.root.querySelector<HTMLInputElement>("[data-masks-opacity]");
  if (shown === null || opacity === null) return;
  const style = press("masks-style", room, () => {
    room.masks.style = room.masks.style === "fill" ? "outline" : "fill";
    if (style !== null) style.textContent = room.masks.style === "fill" ? "Fill" : "Outline";
    room.layMasks();
  });
  shown.addEventListener("change", () => {
    room.masks.isShown = shown.checked;
    room.layMasks();
  });
  opacity.addEventListener("input", () => {
    room.masks.opacity = Number(opacity.value) / 100;
    room.layMasks();
  });
  bind("m", "Masks on or off", () => shown.click(), "Masks");
  bind("o", "Fill or outline", () => style?.click(), "Masks");
}

function mountLook(room: Room): void {
  const window = press("window", room, () => {
    const name = room.windows.next();
    if (window !== null) window.textContent = name;
    room.lead.stage.announce(`Window: ${name}, on all scans`);
  });
  bind("q", "Next window, the same on all", () => window?.click());
  const lines = (): void => room.panes.forEach((pane) => pane.toggleCrosshair());
  press("lines", room, lines);
  bind("x", "Crosshair lines", lines);
  const words = room.root.querySelector("[data-convention]");
  const write = (): void => {
    if (words === null) return;
    const name = room.lead.stage.isRadiological ? "Radiological" : "Neurological";
    const edge = room.lead.stage.isRadiological ? "right" : "left";
    words.textContent = `${name}: patient's left on the ${edge}`;
  };
  const mirror = (): void => {
    room.lead.stage.isRadiological = !room.lead.stage.isRadiological;
    write();
  };
  press("mirror", room, mirror);
  bind("v", "Radiological or neurological", mirror);
  write();
}

function mountBlend(room: Room): void {
  const slider = room.root.querySelector<HTMLInputElement>("[data-blend]");
  if (slider === null) return;
  const set = (share: number): void => {
    slider.value = String(Math.round(share * 100));
    room.blend(share);
  };
  let timer = 0;
  const stop = (): void => {
    clearInterval(timer);
    timer = 0;
    blink?.setAttribute("aria-pressed", "false");
  };
  const swap = (): void => set(Number(slider.value) >= 50 ? 0 : 1);
  const blink = press("blink", room, () => {
    if (timer !== 0) return stop();
    timer = window.setInterval(swap, BLINK);
    blink?.setAttribute("aria-pressed", "true");
  });
  slider.addEventListener("input", () => {
    stop();
    room.blend(Number(slider.value) / 100);
  });
  bind("b", "Earlier or later, in the pane of the change", () => {
    stop();
    swap();
  }, "Change");
  bind("n", "Let both alternate", () => blink?.click(), "Change");
}
