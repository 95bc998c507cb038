/** What the server says of the scan being read; segmentation/selectors/reading.py writes it. */

/** An index [i, j, k] in the volume as it is stored; a picture's is [column, row, 0]. */
export type Voxel = [number, number, number];
export type Matrix = [number[], number[], number[], number[]];

export interface ScanFacts {
  id: string;
  sequence: string;
  date: string;
  shape: Voxel;
  spacing_mm: number[] | null;
  /** Voxels to RAS+ mm; null where the file states none. */
  affine: Matrix | null;
  /** Where to draw the voxels; equal to `affine` where there is one. */
  grid: Matrix;
  orientation: string;
  slice_count: number;
  has_physical_size: boolean;
  has_sides: boolean;
  kind: "volume" | "picture";
  convention: "unknown" | "radiological" | "neurological";
}

export interface VolumeFacts {
  scan_id: string;
  date: string;
  sequence: string;
  channel: number;
  label: string;
  url: string;
  read_url: string;
  same_study: boolean;
  shape: Voxel;
  affine: Matrix | null;
  grid: Matrix;
}

export interface LesionFacts {
  number: number;
  /** The lasting name, the same on every date; the number where it is not named. */
  name: string;
  is_named: boolean;
  is_new: boolean;
  colour: string;
  voxels: number;
  volume_ml: number | null;
  longest_diameter_mm: number | null;
  perpendicular_diameter_mm: number | null;
  product_mm2: number | null;
  /** The longest diameter over all slices. */
  longest_3d_mm: number | null;
  /** By RANO. */
  is_measurable: boolean | null;
  /** `longest` and `perpendicular`, each two voxels; empty where there is none. */
  diameter_lines: Partial<Record<"longest" | "perpendicular", [Voxel, Voxel]>>;
  place: string;
  /** Midline, depth and ventricles in words, or why there are none; may be empty. */
  place_details: string;
  key_slice: number;
  key_area_pixels: number;
  centroid_voxel: Voxel;
  key_voxel: Voxel;
}

export interface VersionFacts {
  id: string;
  version: number;
  source: string;
  review: "draft" | "in_review" | "signed" | "rejected";
  review_label: string;
  is_current: boolean;
  finished_at: string | null;
  parent_version: number | null;
  remark: string;
  volume_ml: number | null;
  read_url: string;
}

/** A part of the mask: the voxels of one value. */
export interface PartFacts {
  value: number;
  name: string;
  colour: string;
}

/** Of the voxels where the model was unsure. */
export interface UnsureFacts {
  readings: number;
  /** From here on a voxel counts; 1 bit is even odds. */
  from_bits: number;
  voxels: number;
  volume_ml: number | null;
  /** The voxels over those of the mask; null where that is empty. */
  share: number | null;
}

export interface ResultFacts extends VersionFacts {
  found_nothing: boolean;
  key_slice: number | null;
  lesions_url: string;
  /** Null where there is no map, as of a person's version. */
  /** Empty for a mask with a single value. */
  parts: PartFacts[];
  parts_url: string | null;
  unsure_url: string | null;
  unsure: UnsureFacts | null;
  lesions: LesionFacts[];
}

export interface Manifest {
  scan: ScanFacts;
  volumes: VolumeFacts[];
  result: ResultFacts | null;
  versions: VersionFacts[];
  may_edit: boolean;
  urls: Record<"scan" | "patient" | "manifest" | "api", string> & Record<string, string>;
  notice: string;
}

/** The manifest that the page carries. */
export function readManifest(): Manifest {
  const written = document.getElementById("manifest")?.textContent;
  if (!written) throw new Error("the page carries no manifest");
  return JSON.parse(written) as Manifest;
}
