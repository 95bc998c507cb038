"""Measure any mask on its own grid: sizes, shape and spread of its lesions, label by label."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.atlas import fit_scan
from ml.geometry import ImageKind
from ml.mask_files import MaskFile, check_one_grid, name_labels, read_mask
from ml.measures import measure_label_map
from ml.measures.report import as_table, full_report
from ml.place import Convention
from ml.prediction import make_grid
from ml.stacks import volume_to_slices
from ml.volumes import MedicalImage, load_image


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mask", type=Path)
    parser.add_argument("--image", type=Path, help="the scan it lies on, for brain and place")
    parser.add_argument(
        "--labels", type=read_names, default={}, help="such as 1=necrosis,2=oedema,4=enhancing"
    )
    parser.add_argument("--json", type=Path, help="where to write all figures; else a table")
    parser.add_argument("--unreliable-spacing", action="store_true")
    parser.add_argument(
        "--convention", type=Convention, choices=list(Convention), default=Convention.UNKNOWN
    )


def read_names(text: str) -> dict[int, str]:
    """Names by label from ``1=necrosis,2=oedema``."""
    names: dict[int, str] = {}
    for entry in text.split(","):
        value, separator, name = (part.strip() for part in entry.partition("="))
        if not (separator and name and value.isascii() and value.isdigit() and int(value) > 0):
            raise argparse.ArgumentTypeError(
                f"'{entry}' is not a label and its name, as 1=necrosis"
            )
        if int(value) in names or name in names.values():
            raise argparse.ArgumentTypeError(f"'{entry}' comes twice")
        names[int(value)] = name
    return names


def run(options: argparse.Namespace) -> None:
    mask = read_mask(options.mask)
    scan = None
    if options.image is not None:
        scan = load_image(options.image)
        check_one_grid(mask, scan)
    labels = name_labels(mask.values, options.labels)
    grid = make_grid(
        scan or mask.as_image(),
        spacing_is_reliable=not options.unreliable_spacing,
        convention=options.convention,
    )
    if scan is not None:
        fit = fit_scan(scan, spacing_is_reliable=not options.unreliable_spacing)
        grid = replace(grid, fit=fit)
    found = measure_label_map(mask.slices, labels, image=_slices(scan), grid=grid)
    report = {
        "mask": options.mask.name,
        "image": None if options.image is None else options.image.name,
        "geometry": mask.geometry.as_dict(),
        "template_fit": None if grid.fit is None else grid.fit.as_dict(),
        **full_report(found, {name: value for value, name in labels.items()}),
    }
    _give(report, mask, options.json)


def _slices(scan: MedicalImage | None) -> NDArray[np.generic] | None:
    """The scan in the reader's view (Z, H, W), of a colour picture the brightest channel."""
    if scan is None:
        return None
    if scan.geometry.kind is ImageKind.PICTURE:
        brightest: NDArray[np.generic] = scan.values.max(axis=0)[None]
        return brightest
    return volume_to_slices(scan.values, scan.affine)


def _give(report: dict[str, Any], mask: MaskFile, out: Path | None) -> None:
    if mask.geometry.spacing_is_doubtful:
        report["caution"] = "No head has the extent that shape and voxel size give together."
    if out is None:
        print(as_table(report))
        print(report.get("caution", ""), end="\n" if "caution" in report else "")
    else:
        out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
