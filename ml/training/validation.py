"""How a run is judged while it goes on: by the validation patients, as in use."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import nn

from ml.datasets.cases import DatasetError, LabelledCase
from ml.datasets.regions import region_masks
from ml.datasets.registry import READERS
from ml.datasets.splits import patients_in
from ml.engines.torch_engine import TorchEngine
from ml.evaluation.gallery import Gallery, key_slice
from ml.hardware import training_precision
from ml.inference import segment_regions
from ml.intensity import BoolArray
from ml.metrics import measure_agreement
from ml.stacks import AxialStack, flair_only
from ml.training.config import DataSource, TrainingConfig

Views = dict[str, list[AxialStack]]


def read_part(source: DataSource, root: Path, parts: tuple[str, ...]) -> list[LabelledCase]:
    """The cases of some parts of a source's split; none where ``parts`` is empty.

    Raises DatasetError where the folder lacks a patient of the split: a run on fewer patients
    than its configuration names would be another run.
    """
    if not parts:
        return []
    if source.dataset not in READERS:
        raise ValueError(f"[[sources]] dataset is one of {', '.join(READERS)}")
    patients = patients_in(source.split, root, parts)
    folder = root / source.folder
    read = READERS[source.dataset](folder, patients, source.channels or None)
    cases = [case for case in read if case.case.startswith(source.only)]
    missing = patients - {case.patient for case in cases}
    if missing:
        raise DatasetError(f"{folder} does not hold these patients: {', '.join(sorted(missing))}")
    return cases


def read_validation(config: TrainingConfig, root: Path) -> dict[str, list[LabelledCase]]:
    """The validation cases of each source that has any, by data set."""
    found: dict[str, list[LabelledCase]] = {}
    for source in config.sources:
        # Two sources may be of one kind, such as two folders.
        found.setdefault(source.dataset, []).extend(read_part(source, root, source.validate_on))
    return {dataset: cases for dataset, cases in found.items() if cases}


@dataclass(frozen=True)
class Validation:
    """How well it went by each measure, as the log names them, and the worst and best cases."""

    figures: dict[str, float]
    examples: Gallery = field(default_factory=Gallery)

    @property
    def score(self) -> float | None:
        """The one number that weights are chosen by; None where nobody was validated."""
        return float(np.mean(list(self.figures.values()))) if self.figures else None


def validate(
    network: nn.Module, cases: dict[str, list[LabelledCase]], config: TrainingConfig
) -> Validation:
    """Segments every validation case as in use, but without mirroring.

    A network that reads several channels and is also shown FLAIR alone is judged on that as well.
    """
    dice: dict[str, float] = {}
    examples = Gallery()
    for dataset, labelled in cases.items():
        for view, stacks in _views(dataset, labelled, config).items():
            found: dict[str, list[list[float]]] = {}
            for stack, case in zip(stacks, labelled, strict=True):
                masks = _draw(network, stack, config)
                references = region_masks(case, config.regions)
                scores = [
                    measure_agreement(mask, reference).dice
                    for mask, reference in zip(masks, references, strict=True)
                ]
                found.setdefault(case.patient, []).append(scores)
                if view == dataset:
                    examples.add(key_slice(case, stack, masks[0], scores[0]))
            means = np.mean([np.mean(scores, axis=0) for scores in found.values()], axis=0)
            for name, mean in zip(config.regions or ("",), means, strict=True):
                dice[f"dice_{view}_{name}".rstrip("_")] = float(mean)
    return Validation(dice, examples)


def _views(dataset: str, labelled: list[LabelledCase], config: TrainingConfig) -> Views:
    views = {dataset: [case.stack for case in labelled]}
    has_more = any(sum(case.stack.present) > 1 for case in labelled)
    has_flair = all(case.stack.has("FLAIR") for case in labelled)
    if config.sampling.flair_only_share and has_more and has_flair:
        views[f"{dataset}_flair"] = [flair_only(case.stack) for case in labelled]
    return views


def _draw(network: nn.Module, stack: AxialStack, config: TrainingConfig) -> BoolArray:
    """The mask of each region (R, Z, H, W)."""
    device = next(network.parameters()).device
    engine = TorchEngine(
        network,
        dimensions=config.network.dimensions,
        device=device,
        precision=training_precision(device.type),
    )
    probability = segment_regions(
        engine,
        stack,
        stride=config.network.stride,
        regions=config.network.out_channels,
        preparation=config.preparation,
        mirror=False,
    )
    mask: BoolArray = probability > config.threshold
    return mask
