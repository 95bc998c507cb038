"""The report on a model and a data set that ``python -m ml evaluate`` writes as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ml.datasets.cases import LabelledCase
from ml.datasets.regions import WHOLE, region_mask
from ml.datasets.registry import JUDGED
from ml.evaluation.bootstrap import LEVEL, RESAMPLES
from ml.evaluation.gallery import Gallery, key_slice
from ml.evaluation.notes import write_notes
from ml.evaluation.scale import common_units
from ml.evaluation.scoring import CaseScore, case_values, score_case
from ml.evaluation.selection import Sequences, shown_sequences
from ml.evaluation.summary import plain, summarise
from ml.intensity import BoolArray
from ml.metrics.lesions import LEAST_COVER, LEAST_PIXELS, LEAST_VOXELS
from ml.metrics.volumes import bland_altman
from ml.models import Model
from ml.prediction import read_regions, read_stack
from ml.stacks import AxialStack

ALL_SLICES, TUMOUR_SLICES = "all", "tumour"


@dataclass
class Findings:
    """What came of a run through a data set: scores, pictures, and what was not scored."""

    scores: list[CaseScore] = field(default_factory=list)
    gallery: Gallery = field(default_factory=Gallery)
    sequences: set[str] = field(default_factory=set)
    patients: set[str] = field(default_factory=set)
    excluded: list[str] = field(default_factory=list)


def segment_case(
    model: Model, stack: AxialStack, region: str = WHOLE, *, alone: bool = False
) -> BoolArray:
    """The mask of ``region`` (Z, H, W), drawn exactly as that of a scan of the clinic.

    That is the whole stack, with the card's way of reading, threshold and least component size;
    with ``alone`` each slice as if it had been sent as a picture, without the others.
    Raises ValueError where the model does not mark the region by itself.
    """
    if alone:
        slices = np.split(stack.pixels, stack.pixels.shape[1], axis=1)
        pictures = [replace(stack, pixels=pixels) for pixels in slices]
        return np.concatenate([segment_case(model, picture, region) for picture in pictures])
    if region == WHOLE:
        return read_stack(model, stack)[1]
    if region not in model.card.regions:
        raise ValueError(f"{model.card.name} does not mark the region {region}")
    found: BoolArray = read_regions(model, stack)[1][model.card.regions.index(region)]
    return found


def evaluate_cases(
    model: Model,
    cases: Iterable[LabelledCase],
    *,
    sequences: Sequences = Sequences(),  # noqa: B008 - it cannot change
    slices: str = ALL_SLICES,
    region: str = WHOLE,
    alone: bool = False,
) -> Findings:
    """The scores of ``model`` on one region of ``cases``, one at a time."""
    findings = Findings()
    for case in tqdm(cases, desc="evaluating", unit="case", mininterval=5):
        stack = sequences.show(case.stack)
        mask = segment_case(model, stack, region, alone=alone)
        case = replace(case, mask=region_mask(case, region))
        score = score_case(case, mask, tumour_slices_only=slices == TUMOUR_SLICES)
        findings.sequences.update(shown_sequences(stack))
        findings.patients.add(case.patient)
        if score is None:
            findings.excluded.append(case.case)
        else:
            findings.scores.append(score)
            findings.gallery.add(key_slice(case, stack, mask, score.dice))
    return findings


def evaluate_dataset(
    model: Model,
    *,
    dataset: str,
    root: Path,
    patients: set[str] | None = None,
    sequences: Sequences = Sequences(),  # noqa: B008 - it cannot change
    slices: str = ALL_SLICES,
    region: str = WHOLE,
    alone: bool = False,
    seed: int = 0,
) -> tuple[dict[str, Any], Findings]:
    """The report on ``dataset`` below ``root``, and the findings that pictures are drawn from.

    With ``alone`` each slice is read as if it had been sent as a picture, without the others.

    Raises ValueError where nobody was evaluated or one of ``patients`` is not there, and
    DatasetError where the data set is not as it should be.
    """
    cases = JUDGED[dataset](root, patients, sequences.to_read(model))
    findings = evaluate_cases(
        model, cases, sequences=sequences, slices=slices, region=region, alone=alone
    )
    missing = (patients or set()) - findings.patients
    if missing:
        raise ValueError(f"{root} does not hold these patients: {', '.join(sorted(missing))}")
    report = make_report(model, findings, dataset=dataset, slices=slices, seed=seed)
    if region != WHOLE:
        report["region"] = region
    if alone:
        report["read"] = "each slice alone"
    return report, findings


def make_report(
    model: Model, findings: Findings, *, dataset: str, slices: str = ALL_SLICES, seed: int = 0
) -> dict[str, Any]:
    """The figures of all levels, how they were got, and each case's own."""
    summary = summarise(findings.scores, seed=seed)
    tumour = sum(int(score.tumour_slices.sum()) for score in findings.scores)
    scored = sum(len(score.counts) for score in findings.scores)
    report = {
        "dataset": dataset,
        "channels": "flair" if findings.sequences == {"FLAIR"} else "all",
        "sequences": sorted(findings.sequences),
        "model": {"name": model.card.name, "version": model.card.version},
        "engine": model.engine.name,
        "threshold": model.card.threshold,
        "least_voxels": model.card.least_voxels,
        "patients": len({score.patient for score in findings.scores}),
        "scans": len(findings.scores),
        "slices": {"scored": slices, "count": scored, "with_tumour": tumour},
        "excluded": findings.excluded,
        "bootstrap": {
            "resampled": "patients",
            "resamples": RESAMPLES,
            "level": LEVEL,
            "interval": "percentile",
            "seed": seed,
        },
        "lesions": {
            "connectivity": {"scan": 26, "slice": 8},
            "least_cover": LEAST_COVER,
            "least_size": {"scan": LEAST_VOXELS, "slice": LEAST_PIXELS},
        },
        **summary,
        "volume_agreement": _volume_agreement(summary["by_patient"]),
        "cases": _case_rows(findings.scores),
    }
    return report | {"notes": write_notes(report)}


def _volume_agreement(by_patient: dict[str, Any]) -> dict[str, Any] | None:
    """Bland and Altman's bias and limits of agreement of the patients' volumes."""
    model, reference = patient_volumes(by_patient)
    agreement = bland_altman(model, reference)
    if agreement is None:
        return None
    return {
        **asdict(agreement),
        "patients": len(model),
        "unit": by_patient["volume_model"]["unit"],
    }


def patient_volumes(
    by_patient: dict[str, Any],
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.float64]]]:
    """The volumes (N,) of the model and of the reference, of the patients who have both."""
    model, reference = (
        by_patient[name]["patients"] for name in ("volume_model", "volume_reference")
    )
    both = [name for name in model if model[name] is not None and reference[name] is not None]
    return np.array([model[name] for name in both]), np.array([reference[name] for name in both])


def _case_rows(scores: list[CaseScore]) -> list[dict[str, Any]]:
    units = common_units(score.scale.units for score in scores)
    return [
        {
            "case": score.case,
            "patient": score.patient,
            "slices": len(score.counts),
            "tumour_slices": int(score.tumour_slices.sum()),
            **{name: plain(value) for name, value in case_values(score, units).items()},
        }
        for score in scores
    ]


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Writes ``report`` as JSON, making the folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
