/**
 * From a volume's stored voxels to NiiVue's grid and to millimetres.
 *
 * NiiVue draws every volume with its axes permuted and flipped to run as nearly as can be to the
 * right, to anterior and up: its "RAS" grid. Nothing is resampled, so each of its voxels is one
 * of the file's.
 */
import type { NVImage } from "@niivue/niivue";

import type { Matrix, Voxel } from "./manifest";

/** How far two affines may differ, in mm, and still place voxels alike. */
const SAME_MM = 1e-3;

export function apply(matrix: Matrix, [i, j, k]: Voxel): Voxel {
  const [x, y, z] = matrix.map((r) => r[0]! * i + r[1]! * j + r[2]! * k + r[3]!) as Voxel;
  return [x, y, z];
}

/** The inverse of an affine, by Cramer's rule. */
export function invert(matrix: Matrix): Matrix {
  const [[a, b, c, x], [d, e, f, y], [g, h, i, z]] = matrix as unknown as number[][] as [
    [number, number, number, number],
    [number, number, number, number],
    [number, number, number, number],
  ];
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const rows = [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((value) => value / det)) as [Voxel, Voxel, Voxel];
  const shift = rows.map((row) => -(row[0] * x + row[1] * y + row[2] * z)) as Voxel;
  return [...rows.map((row, n) => [...row, shift[n]!]), [0, 0, 0, 1]] as unknown as Matrix;
}

/** Whether two volumes have the same voxels in the same places. */
export function sameGrid(
  one: { shape: Voxel; grid: Matrix },
  other: { shape: Voxel; grid: Matrix },
): boolean {
  return (
    one.shape.every((n, axis) => n === other.shape[axis]) &&
    one.grid.every((row, r) => row.every((v, c) => Math.abs(v - other.grid[r]![c]!) < SAME_MM))
  );
}

/** The lengths of a voxel's edges, from the columns of the affine. */
export function voxelSize(matrix: Matrix): Voxel {
  return [0, 1, 2].map((c) => Math.hypot(matrix[0][c]!, matrix[1][c]!, matrix[2][c]!)) as Voxel;
}

/** One volume's own voxels in NiiVue's order, and back; fractions are kept. */
export class Order {
  private readonly axes: Voxel;
  private readonly flipped: [boolean, boolean, boolean];
  /** The shape in NiiVue's order. */
  readonly dims: Voxel;

  constructor(image: NVImage, shape: Voxel) {
    const order = image.permRAS ?? [1, 2, 3];
    this.axes = order.map((n) => Math.abs(n) - 1) as Voxel;
    this.flipped = order.map((n) => n < 0) as [boolean, boolean, boolean];
    this.dims = this.axes.map((axis) => shape[axis]!) as Voxel;
  }

  toRas(file: Voxel): Voxel {
    return this.dims.map((length, n) => {
      const index = file[this.axes[n]!]!;
      return this.flipped[n] ? length - 1 - index : index;
    }) as Voxel;
  }

  toFile(ras: Voxel): Voxel {
    const file: Voxel = [0, 0, 0];
    this.dims.forEach((length, n) => {
      file[this.axes[n]!] = this.flipped[n] ? length - 1 - ras[n]! : ras[n]!;
    });
    return file;
  }
}
