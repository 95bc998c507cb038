"""Teaching a network to name what a single picture shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from ml.datasets.cases import DatasetError, LabelledCase
from ml.datasets.figshare import TypedSlice, iterate_types
from ml.datasets.splits import patients_in
from ml.hardware import autocast
from ml.networks.places import STRIDE
from ml.training.augmentation import augment, build_augmentation
from ml.training.cases import TrainingCase, prepare_case, scale_sample
from ml.training.config import TrainingConfig
from ml.training.sampling import place_in_pass
from ml.training.validation import Validation
from ml.tumour_type.pictures import fit_picture

BATCH = 32
SMOOTHING = 0.05


class PictureSampler(Dataset[tuple[Tensor, Tensor]]):
    """Each picture once an epoch, shuffled and varied; or, balanced, each class as often.

    An item is a picture (C, side, side) and the number of its class. As with slices, item ``n`` of
    a run depends on the seed and ``n`` alone. For a network that is taught places, the second is
    instead the share of each class (classes, 1 + cells): in the picture, then in each of its cells.
    """

    def __init__(self, slices: list[TypedSlice], config: TrainingConfig) -> None:
        """Raises ValueError where a class has no picture."""
        self.config = config
        self.labels = np.array([config.classes.index(one.label) for one in slices], dtype=np.int64)
        counts = np.bincount(self.labels, minlength=len(config.classes))
        if not counts.all():
            raise ValueError(f"{config.name} has no picture of {config.classes[counts.argmin()]}")
        self.places = [np.flatnonzero(self.labels == n) for n in range(len(config.classes))]
        self.cases = [_prepare(one, config) for one in slices]
        side = config.preparation.side
        self.transform = build_augmentation((side, side), config.augmentation)
        self.background = background_of(config)

    @property
    def steps_per_epoch(self) -> int:
        if self.config.sampling.order == "pass":
            return max(1, len(self.cases) // self.config.batch_size)
        return self.config.steps_per_epoch

    def __len__(self) -> int:
        return self.config.epochs * self.steps_per_epoch * self.config.batch_size

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        draw = np.random.default_rng((self.config.seed, position))
        index = self._place(position, draw)
        case = self.cases[index]
        self.transform.set_random_state(seed=int(draw.integers(2**31)))
        picture, mask = augment(
            self.transform, case.brightness(0, 1)[:, 0], case.masks[:, 0].astype(np.float32)
        )
        scaled = scale_sample(picture, case, seen=case.present)
        label = torch.tensor(self.labels[index])
        if self.background is not None:
            label = self._shares(int(label), torch.from_numpy(mask))
        return torch.from_numpy(scaled), label

    def _shares(self, label: int, mask: Tensor) -> Tensor:
        """Of each class (classes, 1 + cells), in a picture of ``label`` with ``mask`` (1, H, W)."""
        tumour = functional.avg_pool2d(mask.float(), STRIDE).flatten()
        shares = torch.zeros(len(self.config.classes), 1 + len(tumour))
        shares[label, 0] = 1.0
        shares[label, 1:] += tumour
        shares[self.background, 1:] += 1 - tumour
        return shares

    def _place(self, position: int, draw: np.random.Generator) -> int:
        if self.config.sampling.order == "pass":
            shown = self.steps_per_epoch * self.config.batch_size
            return place_in_pass(
                position, shown=shown, count=len(self.cases), seed=self.config.seed
            )
        chosen = self.places[int(draw.integers(len(self.places)))]
        return int(chosen[int(draw.integers(len(chosen)))])


def _prepare(one: TypedSlice, config: TrainingConfig) -> TrainingCase:
    nowhere = np.zeros(one.stack.pixels.shape[1:], dtype=np.bool_)
    mask = nowhere if one.mask is None else one.mask
    case = LabelledCase(case=one.file, patient=one.fold, stack=one.stack, mask=mask)
    return prepare_case(case, config.preparation)


def background_of(config: TrainingConfig) -> int | None:
    """The class without tumour, where the network is taught places; else None."""
    background: int | None = config.network.options.get("background")
    return background


class PlacesLoss(nn.Module):
    """Of the picture's answer and of its cells': logits and shares (B, classes, 1 + cells).

    The cells of the tumour count as much as all others together, which are many more.
    """

    def __init__(self, background: int) -> None:
        super().__init__()
        self.background = background
        self.picture = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
        self.cells = nn.CrossEntropyLoss(reduction="none")

    def forward(self, logits: Tensor, shares: Tensor) -> Tensor:
        of_picture: Tensor = self.picture(logits[..., 0], shares[..., 0])
        wrong = self.cells(logits[..., 1:], shares[..., 1:])
        rest = shares[:, self.background, 1:]
        tumour = 1 - rest
        of_tumour = (wrong * tumour).sum() / tumour.sum().clamp(min=1.0)
        of_rest = (wrong * rest).sum() / rest.sum().clamp(min=1.0)
        total: Tensor = of_picture + (of_tumour + of_rest) / 2
        return total


class NamingTask:
    """One of ``config.classes`` for each picture."""

    def __init__(self, config: TrainingConfig, data_root: Path) -> None:
        self.config = config
        background = background_of(config)
        taught = _read(config, data_root, "train_on", with_masks=background is not None)
        self.sampler = PictureSampler(taught, config)
        self.loss: nn.Module = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
        if background is not None:
            self.loss = PlacesLoss(background)
        self.judged = _read(config, data_root, "validate_on")

    def validate(self, network: nn.Module) -> Validation:
        """The share of validation pictures that are named rightly; nothing without any."""
        if not self.judged:
            return Validation({})
        logits = read_logits(network, self.judged, self.config)
        named = logits.argmax(axis=1)
        right = [self.config.classes[n] == s.label for n, s in zip(named, self.judged, strict=True)]
        return Validation({"accuracy": float(np.mean(right))})


def read_logits(
    network: nn.Module, slices: list[TypedSlice], config: TrainingConfig
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """The network's logits (N, classes) on ``slices``, each as it comes."""
    device = next(network.parameters()).device
    network.eval()
    found = []
    for start in range(0, len(slices), BATCH):
        batch = [fit_picture(s.stack, config.preparation) for s in slices[start : start + BATCH]]
        with torch.inference_mode(), autocast(device.type):
            logits = network(torch.from_numpy(np.stack(batch)).to(device))
        found.append(logits.float().cpu().numpy())
    return np.concatenate(found)


def _read(
    config: TrainingConfig, root: Path, parts: str, *, with_masks: bool = False
) -> list[TypedSlice]:
    """The pictures of those folds that a source's split names for ``parts``.

    Raises DatasetError where a fold has none, or a picture shows none of the classes.
    """
    slices: list[TypedSlice] = []
    for source in config.sources:
        folds = patients_in(source.split, root, getattr(source, parts))
        found = iterate_types(root / source.folder, folds, with_masks=with_masks)
        wanted = (one for one in found if one.file.startswith(source.only))
        own = [one for one in wanted if one.label in config.classes]
        missing = folds - {one.fold for one in own}
        if missing:
            raise DatasetError(f"{root / source.folder} lacks {', '.join(sorted(missing))}")
        slices += own
    return slices
