"""Synthetic heads, files and networks for the tests. Nothing in here comes from a patient."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    inv_ornt_aff,
    ornt_transform,
)
from PIL import Image
from safetensors.torch import save_file

from ml.engines.torch_engine import TorchEngine
from ml.errors import InvalidVolumeError
from ml.geometry import Geometry, ImageKind, affine_rows, spacing_of
from ml.models import Card, Model, file_sha256
from ml.networks.build import NetworkSpec
from ml.networks.unet import UNet, UNetConfig
from ml.preparation import Preparation
from ml.stacks import AxialStack, stack_of_channels
from ml.uncertainty import VolumeInterval
from ml.volumes import MedicalImage, load_image

ORIENTATIONS = ("RAS", "LAS", "LPS", "LPI", "PIR", "ASL", "SRP")
SHARED = Path(__file__).parents[2].parent / "shared" / "data"

THRESHOLD_CONFIG = UNetConfig(in_channels=3, out_channels=1, widths=(1,))
THRESHOLD_SPEC = NetworkSpec("unet", {"widths": (1,)})


def shared_folder(name: str) -> Path:
    """A folder of the shared data; skips the test where this machine has none."""
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not on this machine")
    return folder


# Volumes


def ras_affine(
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    shape: tuple[int, ...] = (0, 0, 0),
) -> np.ndarray:
    """An affine whose axes run to R, A and S, its origin in the middle of ``shape``."""
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = [-s * (n - 1) / 2 for s, n in zip(spacing_mm, shape, strict=True)]
    return affine


def reorient(volume: np.ndarray, affine: np.ndarray, codes: str) -> tuple[np.ndarray, np.ndarray]:
    """The same voxels in the same world places, a RAS volume's axes now running to ``codes``."""
    turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes))
    turned = np.ascontiguousarray(apply_orientation(volume, turn))
    return turned, affine @ inv_ornt_aff(turn, volume.shape)


def tilt(affine: np.ndarray, degrees: tuple[float, float, float] = (11.0, -7.0, 5.0)) -> np.ndarray:
    """``affine`` turned in the world, as by an oblique acquisition."""
    rotation = np.eye(4)
    for axis, angle in enumerate(np.radians(degrees)):
        one, two = [a for a in range(3) if a != axis]
        turn = np.eye(4)
        turn[one, one] = turn[two, two] = np.cos(angle)
        turn[one, two], turn[two, one] = -np.sin(angle), np.sin(angle)
        rotation = rotation @ turn
    return rotation @ affine


def ellipsoid(
    shape: tuple[int, ...], centre: tuple[float, ...], radii: tuple[float, ...]
) -> np.ndarray:
    """True inside the ellipsoid; centre and radii in voxels."""
    grids = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij", sparse=True)
    return sum(((g - c) / r) ** 2 for g, c, r in zip(grids, centre, radii, strict=True)) <= 1


def head(
    shape: tuple[int, int, int] = (44, 52, 20), seed: int = 0, level: float = 100.0
) -> np.ndarray:
    """A RAS volume of float32: an ellipsoid with texture in black air, tissue on every slice."""
    centre = tuple((n - 1) / 2 for n in shape)
    radii = (0.4 * shape[0], 0.42 * shape[1], 0.8 * shape[2])
    noise = np.random.default_rng(seed).normal(0, 0.05, shape)
    volume = level * (1 + noise) * ellipsoid(shape, centre, radii)
    return volume.astype(np.float32)


def head_with_blob(
    centre: tuple[float, ...] = (12, 30, 8), radii: tuple[float, ...] = (5, 5, 4), **head_of: Any
) -> tuple[np.ndarray, np.ndarray]:
    """A head (X, Y, Z) with one blob three times as bright, and where the blob is."""
    volume = head(**head_of)
    blob = ellipsoid(volume.shape, centre, radii) & (volume > 0)
    volume[blob] *= 3
    return volume, blob


def medical_image(volume: np.ndarray, affine: np.ndarray | None) -> MedicalImage:
    """A volume (X, Y, Z) as if it had been loaded; without an affine, nothing is known of it."""
    stated = None if affine is None else affine_rows(affine)
    geometry = Geometry(
        kind=ImageKind.VOLUME,
        file_format="NIfTI",
        shape=volume.shape,
        stored_shape=volume.shape,
        channels=1,
        data_type="float32",
        spacing_mm=None if affine is None else spacing_of(affine),
        affine=stated,
    )
    guess = np.diag([-1.0, 1, 1, 1]) if affine is None else affine
    return MedicalImage(geometry, np.asarray(volume, dtype=np.float32), guess)


def picture_image(values: np.ndarray) -> MedicalImage:
    """A picture (C, H, W) as if it had been loaded."""
    shape = values.shape[1:]
    mode = "L" if len(values) == 1 else "RGB"
    geometry = Geometry(ImageKind.PICTURE, "PNG", shape, shape, len(values), mode, None, None)
    return MedicalImage(geometry, np.asarray(values, dtype=np.float32), np.eye(4))


# Files


def nifti_bytes(
    data: np.ndarray | None = None, affine: np.ndarray | None = None, **fields: Any
) -> bytes:
    """A single NIfTI-1 file; ``fields`` are then written into its header, unchecked."""
    data = head() if data is None else data
    affine = ras_affine(shape=data.shape[:3]) if affine is None else affine
    image = nib.nifti1.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm", "sec")
    return edit_header(image.to_bytes(), **fields)


def edit_header(raw: bytes, **fields: Any) -> bytes:
    header = nib.nifti1.Nifti1Header(raw[:348], check=False)
    for name, value in fields.items():
        header[name] = value
    return header.binaryblock + raw[348:]


def write_bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def save_nifti(
    path: Path, data: np.ndarray, affine: np.ndarray, *, qform: int = 1, sform: int = 1
) -> Path:
    image = nib.nifti1.Nifti1Image(data, affine)
    image.set_qform(affine, qform)
    image.set_sform(affine, sform)
    image.header.set_xyzt_units("mm", "sec")
    image.to_filename(path)
    return path


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header claims any size, followed by next to no pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def grey_slice(side: int = 96) -> np.ndarray:
    """One slice (H, W) of a head as uint8."""
    return np.clip(head((side, side, 3))[:, :, 1].T, 0, 255).astype(np.uint8)


def save_picture(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def refusal(path: Path) -> str:
    """The sentence with which ``path`` is refused; fails where it is accepted or badly worded."""
    with pytest.raises(InvalidVolumeError) as caught:
        load_image(path)
    message = str(caught.value)
    assert_plain(message)
    return message


def assert_plain(message: str) -> None:
    """A sentence for a clinician: one line, capital letter, full stop, no programmer's words."""
    assert message[0].isupper()
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 200
    for word in ("Error", "Traceback", "nibabel", "numpy", "None", "0x", "dtype", "/"):
        assert word not in message


# Networks


def threshold_network(level: float = 1.5, channel: int = 1) -> UNet:
    """A real U-Net of one level whose weights say: tumour where the channel's z-score is high."""
    network = UNet(THRESHOLD_CONFIG)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if value.ndim == 4 or name.endswith("bias"):
                value.zero_()
        network.encoder[0][0].weight[0, channel, 1, 1] = 1.0
        network.encoder[0][3].weight[0, 0, 1, 1] = 1.0
        network.head.weight.fill_(8.0)
        network.head.bias.fill_(-8.0 * level)
    return network.eval()


def threshold_model(
    *, threshold: float = 0.5, least_voxels: int = 1, level: float = 1.5, channel: int = 1
) -> Model:
    card = Card(
        name="stub",
        version="0",
        sequences=("FLAIR", "COMPOSITE"),
        labels={1: "FLAIR abnormality"},
        threshold=threshold,
        least_voxels=least_voxels,
        sha256="",
        network=THRESHOLD_SPEC,
        preparation=Preparation(),
        about={},
        volume_intervals={"FLAIR": VolumeInterval(0.8, 0.5, 1.25, 24, 20, (0.6, 0.95))},
    )
    return Model(card, TorchEngine(threshold_network(level, channel)))


def write_weights(folder: Path, name: str = "flair2d") -> Path:
    """The threshold network as it would ship: weights and their card in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"{name}.safetensors"
    state = threshold_network().state_dict()
    save_file({key: value.contiguous() for key, value in state.items()}, weights)
    card = f"""
name = "{name}"
version = "7"
sequences = ["FLAIR", "COMPOSITE"]
threshold = 0.5
least_voxels = 1
sha256 = "{file_sha256(weights)}"

[labels]
1 = "FLAIR abnormality"

[network]
in_channels = 3
out_channels = 1
widths = [1]
"""
    (folder / f"{name}.toml").write_text(card, encoding="utf-8")
    return weights


def flair_stack(slices: np.ndarray, pixel_mm: tuple[float, float] | None = None) -> AxialStack:
    return stack_of_channels({"FLAIR": slices}, pixel_mm)


# Data sets


def lgg_slices(count: int, side: int = 64, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Slices (Z, C, H, W) of uint8 and their masks (Z, H, W); the first slice has no tumour."""
    volume, blob = head_with_blob(
        (side * 0.35, side * 0.55, count / 2),
        (side / 8, side / 8, count),
        shape=(side, side, count),
    )
    rng = np.random.default_rng(seed)
    flair = volume.transpose(2, 1, 0) / 2
    others = [flair * 0.6 + rng.uniform(0, 5, flair.shape) * (flair > 0) for _ in range(2)]
    pixels = np.stack([others[0], flair, others[1]], axis=1).clip(0, 255).astype(np.uint8)
    masks = blob.transpose(2, 1, 0).copy()
    masks[0] = False
    return pixels, masks


def write_published_case(folder: Path, pixels: np.ndarray, masks: np.ndarray) -> Path:
    """``<case>/<case>_<n>.tif`` and ``_mask.tif``, numbered from 1 without leading zeros."""
    folder.mkdir(parents=True)
    for number, (channels, mask) in enumerate(zip(pixels, masks, strict=True), start=1):
        stem = f"{folder.name}_{number}"
        save_picture(folder / f"{stem}.tif", channels.transpose(1, 2, 0))
        save_picture(folder / f"{stem}_mask.tif", mask.astype(np.uint8) * 255)
    return folder


def write_packed_case(
    folder: Path, pixels: np.ndarray, masks: np.ndarray, suffix: str = ".jpg"
) -> Path:
    """``<nnn>.jpg``, three squares in one, and ``<nnn>_mask.png`` (1 bit) where there is tumour."""
    folder.mkdir(parents=True)
    for number, (channels, mask) in enumerate(zip(pixels, masks, strict=True), start=1):
        tall = channels.reshape(-1, channels.shape[-1])
        save_picture(folder / f"{number:03d}{suffix}", tall)
        if mask.any():
            save_picture(folder / f"{number:03d}_mask.png", mask)
    return folder
