"""How a training sample is varied: where the head lies, and how the scanner rendered it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from monai.transforms import (
    Compose,
    Rand2DElasticd,
    RandAdjustContrastd,
    RandAffined,
    RandBiasFieldd,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSmoothd,
    RandomizableTransform,
    RandRotate90d,
    RandScaleIntensityd,
    RandScaleIntensityFixedMeand,
    ResizeWithPadOrCropd,
)

IMAGE, MASK = "image", "mask"
BOTH = (IMAGE, MASK)
MODES = ("bilinear", "nearest")


@dataclass(frozen=True)
class Augmentation:
    """How far each property may move; zero leaves it alone.

    ``flip`` (left-right), ``flip_rows``, ``right_angles`` and ``blur`` are probabilities.
    ``rotation`` is in degrees, ``zoom`` and ``shear`` in shares, ``shift`` and ``elastic`` in
    pixels. ``brightness``, ``contrast``, ``gamma`` and ``bias`` are shares; ``noise`` is a
    standard deviation in units of the image's range, 0 to 1. Rotation, zoom, shear and shift are
    drawn together, 80 % of the time. ``by_sequence`` draws what the scanner rendered for each
    sequence by itself: between scanners they differ in how they relate to each other, too.
    """

    flip: float = 0.0
    flip_rows: float = 0.0
    right_angles: float = 0.0
    rotation: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0
    bias: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    by_sequence: bool = False


class BySequence(RandomizableTransform):  # type: ignore[misc]
    """A transform of the image alone, drawn anew for each of its ``sequences``.

    The slices of one sequence stay alike: they are every ``sequences``-th channel.
    """

    def __init__(self, sequences: int, transform: Compose) -> None:
        super().__init__()
        self.sequences, self.transform = sequences, transform

    def set_random_state(self, seed: int | None = None, state: Any = None) -> BySequence:
        self.transform.set_random_state(seed, state)
        return self

    def __call__(self, sample: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        image = sample[IMAGE].clone()
        for first in range(self.sequences):
            own = slice(first, None, self.sequences)
            image[own] = self.transform({IMAGE: image[own]})[IMAGE]
        return {**sample, IMAGE: image}


class InSlices(RandomizableTransform):  # type: ignore[misc]
    """A transform of pictures (C, H, W), applied to all slices of (C, Z, H, W) alike."""

    def __init__(self, keys: tuple[str, ...], transform: RandomizableTransform) -> None:
        super().__init__()
        self.keys, self.transform = keys, transform

    def set_random_state(self, seed: int | None = None, state: Any = None) -> InSlices:
        self.transform.set_random_state(seed, state)
        return self

    def __call__(self, sample: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        flat = {key: sample[key].flatten(0, 1) for key in self.keys}
        varied = self.transform(flat)
        return {**sample, **{key: varied[key].reshape(sample[key].shape) for key in self.keys}}


def build_augmentation(
    patch: tuple[int, ...], strength: Augmentation, *, sequences: int = 1
) -> Compose:
    """Transforms of a dict with ``image`` (C, H, W), zero being air, and ``mask`` (R, H, W).

    Both come out at ``patch``; in 3D they are (C, Z, H, W) and (R, Z, H, W), and are moved and
    blurred only within their slices, since slices may be thick. The channels are those of the
    ``sequences``, in order, once for each slice.
    """
    rendering = _rendering(len(patch), strength)
    if strength.by_sequence and rendering:
        rendering = [BySequence(sequences, Compose(rendering))]
    return Compose(
        [
            ResizeWithPadOrCropd(keys=BOTH, spatial_size=patch),
            *_placement(len(patch), strength),
            *rendering,
        ]
    )


def _placement(dimensions: int, strength: Augmentation) -> list[RandomizableTransform]:
    rows, columns = dimensions - 2, dimensions - 1
    found = []
    if strength.flip:
        found.append(RandFlipd(keys=BOTH, prob=strength.flip, spatial_axis=columns))
    if strength.flip_rows:
        found.append(RandFlipd(keys=BOTH, prob=strength.flip_rows, spatial_axis=rows))
    if strength.right_angles:
        found.append(
            RandRotate90d(keys=BOTH, prob=strength.right_angles, spatial_axes=(rows, columns))
        )
    if strength.rotation or strength.zoom or strength.shear or strength.shift:
        found.append(_affine(dimensions, strength))
    if strength.elastic:
        found.append(_elastic(dimensions, strength.elastic))
    return found


def _affine(dimensions: int, strength: Augmentation) -> RandAffined:
    angle = float(np.radians(strength.rotation))
    flat = [0.0] * (dimensions - 2)
    return RandAffined(
        keys=BOTH,
        prob=0.8,
        rotate_range=(angle, *flat, *flat),
        shear_range=None if dimensions == 3 else (strength.shear, strength.shear),
        translate_range=(*flat, strength.shift, strength.shift),
        scale_range=(*flat, strength.zoom, strength.zoom),
        mode=MODES,
        padding_mode="zeros",
    )


def _elastic(dimensions: int, pixels: float) -> RandomizableTransform:
    elastic = Rand2DElasticd(
        keys=BOTH,
        prob=0.2,
        spacing=(32, 32),
        magnitude_range=(0, pixels),
        mode=MODES,
        padding_mode="zeros",
    )
    return elastic if dimensions == 2 else InSlices(BOTH, elastic)


def _rendering(dimensions: int, strength: Augmentation) -> list[RandomizableTransform]:
    found = []
    if strength.bias:
        found.append(RandBiasFieldd(keys=IMAGE, prob=0.25, coeff_range=(0.0, strength.bias)))
    if strength.brightness:
        found.append(RandScaleIntensityd(keys=IMAGE, prob=0.3, factors=strength.brightness))
    if strength.contrast:
        found.append(RandScaleIntensityFixedMeand(keys=IMAGE, prob=0.3, factors=strength.contrast))
    if strength.gamma:
        reach = (1 - strength.gamma, 1 + strength.gamma)
        found.append(RandAdjustContrastd(keys=IMAGE, prob=0.4, gamma=reach))
    if strength.blur:
        reach = (0.3, 0.9)
        blur = RandGaussianSmoothd(IMAGE, prob=strength.blur, sigma_x=reach, sigma_y=reach)
        found.append(blur if dimensions == 2 else InSlices((IMAGE,), blur))
    if strength.noise:
        found.append(RandGaussianNoised(keys=IMAGE, prob=0.3, std=strength.noise))
    return found


def augment(
    transform: Compose, image: np.ndarray[Any, Any], mask: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """``image`` (C, H, W) and ``mask`` (R, H, W), varied together; or both with Z."""
    sample: Mapping[Hashable, Any] = transform({IMAGE: image, MASK: mask})
    return np.asarray(sample[IMAGE]), np.asarray(sample[MASK])
