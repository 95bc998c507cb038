/** Fetching volumes: each once, under the permission check, placed as the server says. */
import { NVImage } from "@niivue/niivue";

import { getBytes } from "../http";
import { voxelSize } from "./grid";
import type { Matrix } from "./manifest";

/**
 * The volume at `url` with the affine `grid`.
 *
 * The affine is the server's and not NiiVue's own reading of the header: where a file states two
 * that differ, or none, picture and measures must still speak of the same voxels and sides.
 */
export async function loadVolume(url: string, grid: Matrix, name: string): Promise<NVImage> {
  const buffer = await getBytes(url);
  const image = await NVImage.loadFromUrl({ url: buffer, name: `${name}.nii.gz` });
  const header = image.hdr;
  if (header === null) throw new Error("The volume could not be read. Please reload the page.");
  header.affine = grid.map((row) => [...row]);
  voxelSize(grid).forEach((size, axis) => {
    header.pixDims[axis + 1] = size;
  });
  image.calculateRAS();
  return image;
}
