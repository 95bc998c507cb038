"""How a training slice is varied: where the head lies, and how the scanner rendered it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from monai.transforms import (
    Compose,
    RandAdjustContrastd,
    RandAffined,
    RandBiasFieldd,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSmoothd,
    ResizeWithPadOrCropd,
)

IMAGE, MASK = "image", "mask"


def build_augmentation(patch: tuple[int, int], strength: Mapping[str, float]) -> Compose:
    """Transforms of a dict with ``image`` (C, H, W), zero being air, and ``mask`` (1, H, W).

    ``strength`` may set ``rotation`` (radians), ``scale``, ``shift`` (pixels), ``bias``,
    ``noise`` (in units of the image's range, 0 to 1) and ``gamma``. Left-right flips are
    plausible anatomy and are drawn half of the time.
    """
    rotation = strength.get("rotation", 0.35)
    scale = strength.get("scale", 0.2)
    shift = strength.get("shift", 12.0)
    gamma = strength.get("gamma", 0.35)
    transforms = [
        ResizeWithPadOrCropd(keys=(IMAGE, MASK), spatial_size=patch),
        RandFlipd(keys=(IMAGE, MASK), prob=0.5, spatial_axis=1),
        RandAffined(
            keys=(IMAGE, MASK),
            prob=0.8,
            rotate_range=rotation,
            shear_range=0.1,
            translate_range=(shift, shift),
            scale_range=(scale, scale),
            mode=("bilinear", "nearest"),
            padding_mode="zeros",
        ),
        RandBiasFieldd(keys=IMAGE, prob=0.25, coeff_range=(0.0, strength.get("bias", 0.25))),
        RandAdjustContrastd(keys=IMAGE, prob=0.4, gamma=(1 - gamma, 1 + gamma)),
        RandGaussianSmoothd(keys=IMAGE, prob=0.15, sigma_x=(0.3, 0.9), sigma_y=(0.3, 0.9)),
        RandGaussianNoised(keys=IMAGE, prob=0.3, std=strength.get("noise", 0.03)),
    ]
    return Compose(transforms)


def augment(
    transform: Compose, image: np.ndarray[Any, Any], mask: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """``image`` (C, H, W) and ``mask`` (H, W), varied together."""
    sample: Mapping[Hashable, Any] = transform({IMAGE: image, MASK: mask[None]})
    return np.asarray(sample[IMAGE]), np.asarray(sample[MASK])[0]
