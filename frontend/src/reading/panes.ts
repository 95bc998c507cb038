/** Where on the canvas which voxel is: the panes, and the straight lines between both. */
import { SLICE_TYPE, type Niivue } from "@niivue/niivue";

import type { Voxel } from "./manifest";

export type PlaneName = "axial" | "coronal" | "sagittal";
export type PaneName = PlaneName | "render";

export const PLANES: readonly PlaneName[] = ["axial", "coronal", "sagittal"];
/** For each plane, NiiVue's axes that run to the right and up on the screen, and through it. */
export const AXES: Record<PlaneName, { across: number; up: number; through: number }> = {
  axial: { across: 0, up: 1, through: 2 },
  coronal: { across: 0, up: 2, through: 1 },
  sagittal: { across: 1, up: 2, through: 0 },
};
export const SLICE_TYPES: Record<PaneName, SLICE_TYPE> = {
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
  render: SLICE_TYPE.RENDER,
};

/** A rectangle in shares of the canvas: left, top, width, height. */
export type Share = [number, number, number, number];
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

const QUARTERS: Record<PaneName, Share> = {
  axial: [0, 0, 0.5, 0.5],
  coronal: [0.5, 0, 0.5, 0.5],
  sagittal: [0, 0.5, 0.5, 0.5],
  render: [0.5, 0.5, 0.5, 0.5],
};

/** The panes that a grid of `dims` fills: a single slice has one, and no third dimension. */
export function panesFor(dims: Voxel): PaneName[] {
  const flat = PLANES.filter((plane) => dims[AXES[plane].through] === 1);
  return flat.length === 1 ? [flat[0]!] : [...PLANES, "render"];
}

export function layOut(panes: PaneName[], maximised: PaneName | null): Map<PaneName, Share> {
  const single = maximised ?? (panes.length === 1 ? panes[0]! : null);
  if (single !== null) return new Map([[single, [0, 0, 1, 1]]]);
  return new Map(panes.map((pane) => [pane, QUARTERS[pane]]));
}

/** One slice as it is drawn now; its lengths are in CSS pixels. */
export interface Drawn {
  plane: PlaneName;
  /** The picture itself, within its pane. */
  box: Box;
  /** The index of the slice along the axis through it. */
  slice: number;
  toScreen(ras: Voxel): { x: number; y: number };
  toRas(x: number, y: number): Voxel;
}

/** The slices on the canvas, in NiiVue's grid of the volume shown. */
export function drawnSlices(nv: Niivue, dims: Voxel): Drawn[] {
  const image = nv.volumes[0];
  if (image?.extentsMinOrtho === undefined || image.pixDimsRAS === undefined) return [];
  const start = image.extentsMinOrtho;
  const size = image.pixDimsRAS;
  const ratio = nv.uiData.dpr || 1;
  const found: Drawn[] = [];
  for (const tile of nv.screenSlices) {
    const plane = PLANES.find((name) => SLICE_TYPES[name] === tile.axCorSag);
    if (plane === undefined) continue;
    const { across, up, through } = AXES[plane];
    const [left, top, width, height] = tile.leftTopWidthHeight.map((n) => n / ratio) as Share;
    const [firstAcross, firstUp] = tile.leftTopMM as [number, number];
    const [spanAcross, spanUp] = tile.fovMM as [number, number];
    const slice = Math.min(dims[through]! - 1, Math.floor(tile.sliceFrac * dims[through]!));
    found.push({
      plane,
      box: { left, top, width, height },
      slice,
      toScreen(ras) {
        const a = start[across]! + (ras[across]! + 0.5) * size[across + 1]!;
        const u = start[up]! + (ras[up]! + 0.5) * size[up + 1]!;
        return {
          x: left + ((a - firstAcross) / spanAcross) * width,
          y: top + (1 - (u - firstUp) / spanUp) * height,
        };
      },
      toRas(x, y) {
        const ras: Voxel = [0, 0, 0];
        const a = firstAcross + ((x - left) / width) * spanAcross;
        const u = firstUp + (1 - (y - top) / height) * spanUp;
        ras[across] = (a - start[across]!) / size[across + 1]! - 0.5;
        ras[up] = (u - start[up]!) / size[up + 1]! - 0.5;
        ras[through] = slice;
        return ras;
      },
    });
  }
  return found;
}

export function holds(box: Box, x: number, y: number): boolean {
  return x >= box.left && y >= box.top && x <= box.left + box.width && y <= box.top + box.height;
}
