"""What each figure of a result says, with its unit, for the description of the API."""

from __future__ import annotations

from typing import Any

OF_A_LESION = {
    "voxels": "How many voxels it has, or pixels of a picture.",
    "volume_ml": "In mL.",
    "longest_diameter_mm": "In mm, within one axial slice, from voxel centre to voxel centre.",
    "perpendicular_diameter_mm": "In mm, the longest at a right angle to that, in its slice.",
    "product_mm2": "In mm², of the two diameters.",
    "longest_3d_mm": "In mm, from voxel centre to voxel centre over all slices.",
    "surface_mm2": "In mm².",
    "sphericity": "From 0 to 1, which is a ball; null for a tiny lesion.",
    "brain_percent": "Share of the brain's volume, in %; see brain_source.",
    "is_measurable": "By RANO: both diameters at least 10 mm on at least two axial slices.",
    "is_tiny": "Below 0.05 mL, or without a voxel size below 50 voxels.",
    "slices": "How many axial slices it is on.",
    "key_area_percent": "Share of the brain's section on its largest slice, in %.",
    "mean_probability": "The network's own average inside it, from 0 to 1.",
}
OF_A_RESULT = {
    "inputs": "The scans that were read, the one whose grid the mask has among them.",
    "volume_ml": "Of all lesions, in mL.",
    "tumour_slices": "How many axial slices hold tumour.",
    "key_area_percent": "Share of the brain's section on the largest slice, in %; see "
    "brain_source.",
    "brain_percent": "Share of the brain's volume that all lesions take, in %.",
    "brain_volume_ml": "In mL, as roughly as brain_source says.",
    "brain_source": "How the brain was found; of a slice also that it was not, and shares are of "
    "the head.",
    "surface_mm2": "Of all lesions, in mm².",
    "sum_of_products_mm2": "Of the measurable lesions' two diameters, in mm².",
    "is_multifocal": "More than one lesion that is not tiny; null for a picture.",
}
VOLUME_INTERVAL = "How far the model's volume may be from a reader's; null for a person's mask."
SATELLITES = "The numbers of the lesions at most 20 mm from the largest, tiny ones left out."
DISTANCES = "Between the lesions that are not tiny; of more than 20, those to the largest."
PARTS = "Of a mask with several labels; null for one that has a single one."
UNSURE = "Null for a person's mask, and where a run had to do without; the map is at unsure/."
GATHERED = "Of a result from several scans; null where the scan was read alone, as asked."

TUMOUR_TYPE = (
    "Of a contrast-enhanced T1 picture; null for any other scan, and where none was asked."
)


def help_texts(texts: dict[str, str]) -> dict[str, dict[str, Any]]:
    return {name: {"help_text": text} for name, text in texts.items()}
