/** The crosshair by keys: a voxel at a time within the pane in use, as it lies on the screen. */
import { bind } from "./keys";
import { AXES, type PlaneName } from "./panes";
import type { Voxel } from "./manifest";
import type { Stage } from "./stage";

export function planeInUse(stage: Stage): PlaneName {
  return stage.active === "render" ? "axial" : stage.active;
}

export function bindCrosshair(stage: Stage): void {
  const nudge = (right: number, up: number) => () => move(stage, right, up);
  bind("Shift+ArrowRight", "Crosshair one voxel to the right", nudge(1, 0), "Crosshair");
  bind("Shift+ArrowLeft", "Crosshair one voxel to the left", nudge(-1, 0), "Crosshair");
  bind("Shift+ArrowUp", "Crosshair one voxel up", nudge(0, 1), "Crosshair");
  bind("Shift+ArrowDown", "Crosshair one voxel down", nudge(0, -1), "Crosshair");
}

function move(stage: Stage, right: number, up: number): void {
  const plane = planeInUse(stage);
  const slice = stage.drawn().find((drawn) => drawn.plane === plane);
  if (slice === undefined) return;
  const at = stage.toRas(stage.current());
  const axis = right !== 0 ? AXES[plane].across : AXES[plane].up;
  const next: Voxel = [...at];
  next[axis]! += 1;
  const [from, to] = [slice.toScreen(at), slice.toScreen(next)];
  // Which way an axis runs on the screen depends on the convention; the screen's y runs down.
  const isAhead = right !== 0 ? to.x > from.x : to.y < from.y;
  const steps = (right + up) * (isAhead ? 1 : -1);
  next[axis] = Math.min(stage.dims[axis]! - 1, Math.max(0, at[axis]! + steps));
  stage.goTo(stage.toFile(next));
}
