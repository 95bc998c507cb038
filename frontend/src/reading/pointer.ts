/**
 * Mouse, pen and touch on the panes: the crosshair, window and level, moving, zooming, turning the
 * 3D pane. What another tool does with the main button is left to it.
 */
import type { Stage } from "./stage";
import { AXES, type PaneName } from "./panes";
import { changeWindow } from "./windowing";

type Gesture = "crosshair" | "window" | "pan" | "turn";

const DEGREES_A_PIXEL = 0.5;
const ZOOM_STEP = 1.12;
const MOST_ZOOM = 16;
/** What a wheel has to turn for one slice, in pixels: touchpads send many small steps. */
const NOTCH = 50;

function gestureFor(stage: Stage, event: PointerEvent, pane: PaneName): Gesture | null {
  if (pane === "render") return "turn";
  if (event.button === 1) return "pan";
  if (event.button === 2) return "window";
  if (event.button !== 0) return null;
  if (stage.tool === null) return "crosshair";
  return stage.tool === "window" || stage.tool === "pan" ? stage.tool : null;
}

export function watchPointer(stage: Stage): void {
  let gesture: Gesture | null = null;
  let last = { x: 0, y: 0 };

  stage.surface.addEventListener("pointerdown", (event) => {
    const pane = stage.paneAt(event.clientX, event.clientY);
    if (pane === null) return;
    stage.activate(pane);
    stage.canvas.focus({ preventScroll: true });
    gesture = gestureFor(stage, event, pane);
    if (gesture === null) return;
    event.preventDefault();
    stage.surface.setPointerCapture(event.pointerId);
    last = { x: event.clientX, y: event.clientY };
    if (gesture === "crosshair") follow(stage, event);
  });

  stage.surface.addEventListener("pointermove", (event) => {
    if (gesture === null) return;
    const step = { x: event.clientX - last.x, y: event.clientY - last.y };
    last = { x: event.clientX, y: event.clientY };
    if (gesture === "crosshair") follow(stage, event);
    else if (gesture === "window") changeWindow(stage, step.x, step.y);
    else if (gesture === "pan") pan(stage, step.x, step.y);
    else turn(stage, step.x, step.y);
  });

  const end = (): void => {
    gesture = null;
  };
  stage.surface.addEventListener("pointerup", end);
  stage.surface.addEventListener("pointercancel", end);
  stage.surface.addEventListener("contextmenu", (event) => event.preventDefault());
  stage.surface.addEventListener("dblclick", (event) => {
    const pane = stage.paneAt(event.clientX, event.clientY);
    if (stage.tool === null && pane !== null) stage.maximise(stage.maximised === null ? pane : null);
  });
  watchWheel(stage);
}

function follow(stage: Stage, event: PointerEvent): void {
  const picked = stage.pick(event.clientX, event.clientY);
  if (picked !== null && picked.plane === stage.active) stage.goTo(picked.voxel);
}

function watchWheel(stage: Stage): void {
  let turned = 0;
  stage.surface.addEventListener(
    "wheel",
    (event) => {
      const pane = stage.paneAt(event.clientX, event.clientY);
      if (pane === null) return;
      event.preventDefault();
      stage.activate(pane);
      const pixels = event.deltaMode === 0 ? event.deltaY : event.deltaY * NOTCH;
      if (pane === "render") return zoomRender(stage, Math.sign(-pixels));
      if (event.ctrlKey) return zoom(stage, Math.sign(-pixels));
      if (Math.sign(pixels) !== Math.sign(turned)) turned = 0;
      turned += pixels;
      const steps = Math.trunc(turned / NOTCH);
      turned -= steps * NOTCH;
      if (steps !== 0) stage.scroll(pane, -steps);
    },
    { passive: false },
  );
}

/** Moves the slices of the active pane by so many CSS pixels. */
function pan(stage: Stage, x: number, y: number): void {
  const slice = stage.drawn().find((drawn) => drawn.plane === stage.active);
  const size = stage.nv.volumes[0]?.pixDimsRAS;
  if (slice === undefined || size === undefined) return;
  const from = slice.toRas(0, 0);
  const to = slice.toRas(x, y);
  const { across, up } = AXES[slice.plane];
  const shift = stage.nv.scene.pan2Dxyzmm;
  for (const axis of [across, up]) {
    shift[axis]! += (to[axis]! - from[axis]!) * size[axis + 1]! * shift[3];
  }
  stage.redraw();
}

/** Zooms all slices by a step, the crosshair staying where it is on the screen. */
export function zoom(stage: Stage, steps: number): void {
  const shift = stage.nv.scene.pan2Dxyzmm;
  const before = shift[3];
  const after = Math.min(MOST_ZOOM, Math.max(1, before * ZOOM_STEP ** steps));
  const centre = stage.nv.frac2mm(stage.nv.scene.crosshairPos);
  for (const axis of [0, 1, 2]) shift[axis]! -= (after - before) * centre[axis]!;
  shift[3] = after;
  if (after === 1) shift[0] = shift[1] = shift[2] = 0;
  stage.redraw();
}

export function resetView(stage: Stage): void {
  stage.nv.scene.pan2Dxyzmm = [0, 0, 0, 1];
  stage.nv.scene.volScaleMultiplier = 1;
  stage.settle();
}

function zoomRender(stage: Stage, steps: number): void {
  const scale = stage.nv.scene.volScaleMultiplier * ZOOM_STEP ** steps;
  stage.nv.scene.volScaleMultiplier = Math.min(4, Math.max(0.5, scale));
  stage.redrawRender();
}

function turn(stage: Stage, x: number, y: number): void {
  const { scene } = stage.nv;
  scene.renderAzimuth = (scene.renderAzimuth - x * DEGREES_A_PIXEL + 360) % 360;
  const elevation = scene.renderElevation + y * DEGREES_A_PIXEL;
  scene.renderElevation = Math.min(90, Math.max(-90, elevation));
  stage.redrawRender();
}
