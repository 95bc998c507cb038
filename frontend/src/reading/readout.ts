/** Where the crosshair is: voxel, millimetres with the patient's sides spelled, grey value. */
import { apply } from "./grid";
import type { Voxel } from "./manifest";
import type { Stage } from "./stage";
import { scaled } from "./windowing";

const LETTERS: readonly [string, string][] = [
  ["R", "L"],
  ["A", "P"],
  ["S", "I"],
];

/** RAS+ mm as a reader says them: "L 32.1 mm, P 10.0, S 44.2". */
export function spellWorld(mm: Voxel): string {
  const parts = mm.map((value, axis) => {
    const [plus, minus] = LETTERS[axis]!;
    return `${value < 0 ? minus : plus} ${Math.abs(value).toFixed(1)}`;
  });
  return `${parts[0]} mm, ${parts[1]}, ${parts[2]}`;
}

function intensity(stage: Stage): string {
  const image = stage.nv.volumes[0];
  const [i, j, k] = stage.currentShown();
  const [nx, ny, nz] = stage.shown.shape;
  // The other sequence may not reach as far as the scan being read does.
  if (Math.min(i, j, k) < 0 || i >= nx || j >= ny || k >= nz) return "–";
  const value = image?.img?.[i + nx * (j + ny * k)];
  if (image === undefined || typeof value !== "number") return "–";
  const shown = scaled(image, value);
  return Number.isInteger(shown) ? String(shown) : shown.toPrecision(4);
}

export function mountReadout(stage: Stage): void {
  const find = (name: string): HTMLElement | null => stage.root.querySelector(`[data-${name}]`);
  const [voxel, world, grey] = [find("voxel"), find("world"), find("intensity")];
  const { scan } = stage.manifest;
  const isPlaced = scan.affine !== null && scan.has_physical_size;
  stage.onRedraw(() => {
    const at = stage.current();
    const shown = scan.kind === "picture" ? at.slice(0, 2) : at;
    if (voxel) voxel.textContent = shown.join(", ");
    if (world && scan.affine !== null) {
      world.textContent = isPlaced ? spellWorld(apply(scan.affine, at)) : "no reliable voxel size";
    } else if (world) world.textContent = "position not stated in the file";
    if (grey) grey.textContent = intensity(stage);
  });
}
