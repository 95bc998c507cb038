/** Measuring on the scan by hand, and the automatic diameters of its lesions. */
import { bind } from "../keys";
import type { Voxel } from "../manifest";
import type { Stage } from "../stage";
import { addTool } from "../tools";
import { Drawing, place } from "./drawing";
import { Ruler } from "./geometry";
import { Hand } from "./hand";
import { Panel } from "./panel";
import { automaticValue, keptValue, valueOf, type Shape } from "./shapes";
import { Store } from "./store";

const GROUP = "Measure";
const ICONS = {
  distance: "M4 20 20 4M2.5 18.5l3 3M18.5 2.5l3 3",
  angle: "M20 19H4L15 5M10 19a7 7 0 0 0-2-5",
  diameters: "M4 18 20 6M9 7l6 10M2.8 16.4l2.4 3.2M18.8 4.4l2.4 3.2",
};

export function mountMeasures(stage: Stage): void {
  const root = stage.root.querySelector<HTMLElement>("[data-measure-panel]");
  if (root === null) return;
  const ruler = new Ruler(stage.manifest.scan);
  const store = new Store(stage.manifest);
  const panel = new Panel(stage, store, ruler, root);
  const drawing = new Drawing(stage);
  const keep = (shape: Shape, points: Voxel[]): void => void kept(shape, points);
  const hand = new Hand(stage, ruler, () => store.shapes(), keep, () => stage.redraw());
  /** Drawn while its way to the server lasts, so that no line jumps back. */
  let onItsWay: { shape: Shape; points: Voxel[] } | null = null;

  async function kept(shape: Shape, points: Voxel[]): Promise<void> {
    onItsWay = { shape, points };
    stage.redraw();
    try {
      const saved = await store.keep(shape, points);
      panel.choose(saved.id);
      panel.say("");
      stage.announce(`Kept: ${keptValue(saved)}`);
    } catch (error) {
      panel.say(error instanceof Error ? error.message : String(error));
    }
    onItsWay = null;
    stage.redraw();
  }

  function draw(): void {
    const moving = hand.shape === null ? onItsWay : { shape: hand.shape, points: hand.points };
    const still = store.shapes().filter((shape) => shape.id !== moving?.shape.id);
    const all = moving === null ? still : [...still, { ...moving.shape, points: moving.points }];
    drawing.draw(
      all.flatMap((shape) => {
        const placed = place(stage, shape);
        if (placed === null) return [];
        const isMoving = shape.id === moving?.shape.id;
        const isChosen = isMoving || shape.id === panel.chosen;
        const hasHandles = isMoving || shape.id === hand.over;
        const live = valueOf(shape.kind, shape.points, ruler);
        const label = isMoving ? live : words(shape, ruler);
        return [{ placed, label, isChosen, hasHandles }];
      }),
    );
    panel.suggest(hand.hint);
  }

  stage.onRedraw(draw);
  // What to do next stands in the panel, which may be out of sight below the others.
  stage.onTool(() => {
    if (hand.kind === null) return;
    panel.suggest(hand.hint);
    root.scrollIntoView({ block: "nearest" });
  });
  store.onChange(() => stage.redraw());
  if (stage.manifest.may_edit) addTools(stage, ruler);
  addToggle(stage, store, root);
  hand.watch();
  store.load().then(
    () => root.toggleAttribute("data-loaded", true),
    (error: unknown) => panel.say(error instanceof Error ? error.message : String(error)),
  );
}

/** What the server has worked out, where it has. */
function words(shape: Shape, ruler: Ruler): string {
  if (shape.hand !== null) return keptValue(shape.hand);
  if (shape.lesion !== null && shape.isAutomatic) return automaticValue(shape.lesion, shape, ruler);
  return valueOf(shape.kind, shape.points, ruler);
}

function addTools(stage: Stage, ruler: Ruler): void {
  addTool(stage, "distance", {
    label: "Distance",
    key: "d",
    icon: ICONS.distance,
    words: "Measure a distance",
    group: GROUP,
  });
  if (ruler.hasAngles) {
    addTool(stage, "angle", {
      label: "Angle",
      key: "a",
      icon: ICONS.angle,
      words: "Measure an angle",
      group: GROUP,
    });
  }
  addTool(stage, "diameters", {
    label: "Diameters",
    key: "t",
    icon: ICONS.diameters,
    words: "Measure two perpendicular diameters",
    group: GROUP,
  });
}

function addToggle(stage: Stage, store: Store, root: HTMLElement): void {
  const box = root.querySelector<HTMLInputElement>("[data-automatic]");
  if (box === null || !store.hasAutomatic) return;
  box.closest<HTMLElement>("[data-automatic-row]")?.toggleAttribute("hidden", false);
  box.addEventListener("change", () => {
    store.showsAutomatic = box.checked;
    stage.redraw();
  });
  bind("u", "Automatic diameters on or off", () => box.click(), GROUP);
}
