"""A generated volume of the usual research grid, for benchmarks without a patient's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml.phantom import WHOLE_BRAIN_MM, Phantom, PhantomLesion, grow_phantom, write_phantom

SHAPE = (240, 240, 155)
"""The grid of BraTS, at 1 mm."""
GROWN_AT_MM = 1.1
"""The template's brain is larger than most: taken for 1 mm, this spacing makes it 1.4 L."""
LESIONS = (
    PhantomLesion((-28.0, 18.0, 24.0), (22.0, 20.0, 18.0)),
    PhantomLesion((36.0, -30.0, 8.0), (9.0, 8.0, 10.0)),
)


def write_head(path: Path) -> float:
    """Stores a FLAIR volume without skull at ``path`` (.nii.gz); gives its brain's litres."""
    grown = grow_phantom(
        lesions=LESIONS,
        seed=1,
        spacing_mm=(GROWN_AT_MM,) * 3,
        with_scalp=False,
        orientation="LPS",
        box_mm=WHOLE_BRAIN_MM,
    )
    margins = [
        ((side - length) // 2, side - length - (side - length) // 2)
        for side, length in zip(SHAPE, grown.volume.shape, strict=True)
    ]
    affine = np.diag([*np.sign(np.diag(grown.affine)[:3]), 1.0])
    volume = np.pad(grown.volume, margins)
    write_phantom(Phantom(volume, np.pad(grown.truth, margins), affine, ()), path)
    return float((volume > 0).sum()) / 1e6
