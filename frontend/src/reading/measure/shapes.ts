/** What is measured: lines by hand and the automatic diameters, in one form. */
import type { LesionFacts, Manifest, Voxel } from "../manifest";
import type { PlaneName } from "../stage";
import type { Ruler } from "./geometry";

export type Kind = "distance" | "angle" | "diameters";

export const POINTS: Record<Kind, number> = { distance: 2, angle: 3, diameters: 4 };
export const NAMES: Record<Kind, string> = {
  distance: "Distance",
  angle: "Angle",
  diameters: "Two diameters",
};
/** Lines by hand that belong to no lesion. */
export const HAND_COLOUR = "#ffffff";

/** A measure as the API gives it. */
export interface HandMeasure {
  id: string;
  scan: string;
  kind: Kind;
  plane: PlaneName;
  points: Voxel[];
  longest_mm: number | null;
  perpendicular_mm: number | null;
  longest_pixels: number | null;
  perpendicular_pixels: number | null;
  angle_degrees: number | null;
  segmentation: string | null;
  lesion_number: number | null;
  note: string;
  author_name: string;
  created_at: string;
}

/** Something to draw. */
export interface Shape {
  id: string;
  kind: Kind;
  plane: PlaneName;
  points: Voxel[];
  colour: string;
  /** The kept measure; null for an automatic line and for what is being drawn. */
  hand: HandMeasure | null;
  lesion: LesionFacts | null;
  isAutomatic: boolean;
}

export function automaticShapes(manifest: Manifest): Shape[] {
  return (manifest.result?.lesions ?? []).flatMap((lesion) => {
    const { longest, perpendicular } = lesion.diameter_lines;
    if (longest === undefined) return [];
    return [
      {
        id: `lesion-${lesion.number}`,
        kind: perpendicular === undefined ? "distance" : "diameters",
        plane: "axial",
        points: [...longest, ...(perpendicular ?? [])],
        colour: lesion.colour,
        hand: null,
        lesion,
        isAutomatic: true,
      } satisfies Shape,
    ];
  });
}

export function shapeOf(hand: HandMeasure, manifest: Manifest): Shape {
  const { result } = manifest;
  const isOfResult = result !== null && hand.segmentation === result.id;
  const lesions = isOfResult ? result.lesions : [];
  const lesion = lesions.find((one) => one.number === hand.lesion_number) ?? null;
  return {
    id: hand.id,
    kind: hand.kind,
    plane: hand.plane,
    points: hand.points,
    colour: lesion?.colour ?? HAND_COLOUR,
    hand,
    lesion,
    isAutomatic: false,
  };
}

/** What stands beside the lines: "31.4 mm", "84°", "31.4 × 20.2 mm". */
export function valueOf(kind: Kind, points: Voxel[], ruler: Ruler): string {
  const [a, b, c, d] = points;
  if (a === undefined || b === undefined) return "";
  if (kind === "angle") return c === undefined ? "" : `${ruler.angle(a, b, c).toFixed(0)}°`;
  const longest = ruler.length(a, b);
  if (kind === "distance" || c === undefined || d === undefined) {
    return `${longest.toFixed(1)} ${ruler.unit}`;
  }
  return diameters(longest, ruler.length(c, d), ruler.unit);
}

function diameters(one: number, other: number, unit: string): string {
  const [longest, across] = one >= other ? [one, other] : [other, one];
  return `${longest.toFixed(1)} × ${across.toFixed(1)} ${unit}`;
}

/** As `valueOf`, from what the server has worked out. */
export function keptValue(hand: HandMeasure): string {
  if (hand.kind === "angle") {
    return hand.angle_degrees === null ? "no angle" : `${hand.angle_degrees.toFixed(0)}°`;
  }
  const [longest, across, unit] =
    hand.longest_mm === null
      ? [hand.longest_pixels, hand.perpendicular_pixels, "px"]
      : [hand.longest_mm, hand.perpendicular_mm, "mm"];
  if (longest === null) return "no length";
  return across === null ? `${longest.toFixed(1)} ${unit}` : diameters(longest, across, unit);
}

/** What the server says of an automatic line. */
export function automaticValue(lesion: LesionFacts, shape: Shape, ruler: Ruler): string {
  const { longest_diameter_mm: longest, perpendicular_diameter_mm: across } = lesion;
  if (longest === null) return valueOf(shape.kind, shape.points, ruler);
  return across === null || across === 0
    ? `${longest.toFixed(1)} mm`
    : diameters(longest, across, "mm");
}
