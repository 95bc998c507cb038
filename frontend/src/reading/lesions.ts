/** The table of lesions beside the picture: measures, and a click to go there. */
import { bind } from "./keys";
import type { LesionFacts, Manifest } from "./manifest";
import type { Stage } from "./stage";

/** As many are listed at first; a long tail of specks would hide the rest. */
const LISTED = 12;

function millilitres(value: number): string {
  if (value > 0 && value < 0.005) return "< 0.01";
  return value.toFixed(2);
}

function sizes(lesion: LesionFacts, manifest: Manifest): [string, string] {
  if (!manifest.scan.has_physical_size) return [lesion.key_area_pixels.toLocaleString("en-GB"), ""];
  const long = lesion.longest_diameter_mm?.toFixed(1) ?? "–";
  const short = lesion.perpendicular_diameter_mm;
  return [
    lesion.volume_ml === null ? "–" : millilitres(lesion.volume_ml),
    short === null || short === undefined ? long : `${long} × ${short.toFixed(1)}`,
  ];
}

/** Product and 3D diameter, below the diameters; nothing where a result does not have them. */
function productLine(lesion: LesionFacts): HTMLElement | null {
  if (lesion.product_mm2 === null || lesion.longest_3d_mm === null) return null;
  const line = document.createElement("div");
  line.className = "soft below";
  line.dataset.below = "";
  const product = Math.round(lesion.product_mm2).toLocaleString("en-GB");
  line.textContent = `${product} mm² · 3D ${lesion.longest_3d_mm.toFixed(1)}`;
  if (lesion.is_measurable !== null) {
    line.title = lesion.is_measurable ? "Measurable by RANO" : "Not measurable by RANO";
  }
  return line;
}

function makeRow(lesion: LesionFacts, manifest: Manifest, go: () => void): HTMLTableRowElement {
  const row = document.createElement("tr");
  row.dataset.lesion = String(lesion.number);
  const name = row.insertCell();
  const swatch = document.createElement("span");
  swatch.className = "swatch";
  swatch.style.background = lesion.colour;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button plain small";
  button.textContent = lesion.name;
  button.title = `Go to lesion ${lesion.name}`;
  button.setAttribute("aria-label", `Go to lesion ${lesion.name}: ${lesion.place}`);
  name.append(swatch, button);
  if (lesion.is_new) {
    const badge = document.createElement("span");
    badge.className = "badge warn";
    badge.textContent = "new";
    name.append(badge);
  }
  for (const text of sizes(lesion, manifest)) {
    const cell = row.insertCell();
    cell.className = "number";
    const shown = document.createElement("span");
    shown.textContent = text;
    cell.append(shown);
  }
  row.cells[2]!.firstElementChild!.setAttribute("data-diameters", "");
  const below = manifest.scan.has_physical_size ? productLine(lesion) : null;
  if (below !== null) row.cells[2]!.append(below);
  const place = row.insertCell();
  place.className = "place";
  place.textContent = lesion.place;
  if (lesion.place_details !== "") {
    const line = document.createElement("div");
    line.className = "soft";
    line.textContent = lesion.place_details;
    place.append(line);
  }
  row.addEventListener("click", go);
  return row;
}

export function mountLesions(stage: Stage): void {
  const body = stage.root.querySelector<HTMLTableSectionElement>("[data-lesions]");
  const lesions = stage.manifest.result?.lesions ?? [];
  if (body === null || lesions.length === 0) return;
  let chosen = -1;
  const go = (n: number): void => {
    chosen = (n + lesions.length) % lesions.length;
    const lesion = lesions[chosen]!;
    stage.goTo(lesion.key_voxel);
    for (const row of body.rows) {
      row.classList.toggle("is-chosen", row.dataset.lesion === String(lesion.number));
    }
    stage.announce(`Lesion ${lesion.name}: ${lesion.place}`);
  };
  const list = (from: number, to: number): void => {
    lesions.slice(from, to).forEach((lesion, n) => {
      body.append(makeRow(lesion, stage.manifest, () => go(from + n)));
    });
  };
  list(0, LISTED);
  const more = stage.root.querySelector<HTMLButtonElement>("[data-more-lesions]");
  if (more !== null && lesions.length > LISTED) {
    more.hidden = false;
    more.textContent = `Show all ${lesions.length}`;
    more.addEventListener("click", () => {
      more.hidden = true;
      list(LISTED, lesions.length);
    });
  }
  bind("n", "Next lesion", () => go(chosen + 1));
  bind("N", "Previous lesion", () => go(chosen < 0 ? lesions.length - 1 : chosen - 1));
}
