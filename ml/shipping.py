"""From the weights of a training run to what ships: small, checked, and with a full card."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ml.cards import write_toml
from ml.models import file_sha256

MEGABYTE = 1_000_000
LARGEST_BYTES = 25 * MEGABYTE
OUTPUTS = ("regions", "classes")
"""What several outputs of a network mean, where it has several."""
FOUND_LATER = ("calibration", "volume_interval")
"""What is found for shipped weights and holds for no others."""
RUN_FACTS = ("epoch", "steps", "minutes", "training_data", "averaged")
"""What the training itself writes into ``[about]``, never out of date."""


def halve(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights with every kernel in float16.

    Biases and the statistics of the normalisation stay in float32: they are few, and a variance
    may lie outside what float16 can hold. Raises ValueError where a kernel does, and for weights
    that are no numbers.
    """
    halved = {}
    for name, value in weights.items():
        is_kernel = value.is_floating_point() and value.ndim >= 2
        halved[name] = value.to(torch.float16) if is_kernel else value
        if not torch.isfinite(value).all():
            raise ValueError(f"{name} holds values that are no numbers")
        if not torch.isfinite(halved[name]).all():
            raise ValueError(f"{name} does not fit into float16")
    return halved


def summarise_report(path: Path, *, types: bool = False) -> dict[str, dict[str, Any]]:
    """The few figures of a report that go into a card, by name.

    Of ``python -m ml evaluate`` they are one row under the file's name, with ``types`` that of
    naming types, else of drawing masks; of ``python -m ml crossvalidate`` a row for each region
    with each set of sequences. Raises ValueError where the file is something else.
    """
    report = json.loads(path.read_text(encoding="utf-8"))
    try:
        if "sets" in report:
            return _crossvalidation_summary(path.stem, report)
        return {path.stem: _types_summary(report) if types else _dice_summary(report)}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is no report of evaluate or crossvalidate") from error


def _crossvalidation_summary(stem: str, report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    rows = {}
    for names, regions in report["sets"].items():
        for region, found in regions.items():
            rows[f"{stem} {names} {region}"] = {
                "dataset": f"{report['dataset']}, cross-validation of {len(report['folds'])} folds",
                "channels": names,
                "region": region,
                "patients": found["patients"] - found["without"],
                "dice_mean": round(found["dice"]["mean"], 4),
                "dice_median": round(found["dice"]["median"], 4),
                "dice_mean_interval": _rounded(found["dice"]["interval"]),
            }
    return rows


def _dice_summary(report: dict[str, Any]) -> dict[str, Any]:
    """By patient; by slice where a fold stands for its patients (``ml.datasets.figshare``)."""
    by_slice = report["dataset"] == "types"
    dice = report["by_slice" if by_slice else "by_patient"]["dice"]
    counted = {"slices": dice["slices"]} if by_slice else {"patients": report["patients"]}
    summary = {
        "dataset": report["dataset"],
        "channels": report["channels"],
        **counted,
        "dice_mean": round(dice["mean"], 4),
        "dice_median": round(dice["median"], 4),
    }
    if dice.get("interval"):
        summary["dice_mean_interval"] = _rounded(dice["interval"])
    return summary


def _types_summary(report: dict[str, Any]) -> dict[str, Any]:
    """Three classes first: over all, the tumour-free pictures tell themselves by their scanner."""
    types = report["types"]
    summary = {"dataset": report["dataset"], "pictures": types["pictures"]}
    for name in ("accuracy_three_class", "accuracy"):
        if types[name] is not None:
            summary[name] = round(types[name], 4)
            summary[f"{name}_interval"] = _rounded(types[f"{name}_interval"])
    summary["uncertain_share"] = round(types["uncertain"]["share"], 4)
    summary["expected_error"] = round(types["calibration"]["expected_error"], 4)
    kept = ("precision", "recall", "f1", "auc", "pictures")
    summary["by_class"] = {
        label: {key: round(one[key], 4) for key in kept if one[key] is not None}
        for label, one in types["by_class"].items()
    }
    summary["note"] = types["note"]
    return summary


def _rounded(ends: Sequence[float]) -> list[float]:
    return [round(value, 4) for value in ends]


def average_files(paths: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of the weights in ``paths``: epochs of one run.

    Averaging along the way of training finds a flatter and often better place than its end
    (Izmailov et al., "Averaging Weights Leads to Wider Optima", UAI 2018). Whole numbers, which
    count batches, are the last file's.
    """
    mean: dict[str, Tensor] = {}
    for path in paths:
        for name, value in load_file(path).items():
            if value.is_floating_point():
                mean[name] = mean.get(name, 0.0) + value / len(paths)
            else:
                mean[name] = value
    return mean


def ship_model(
    weights: Sequence[Path],
    *,
    folder: Path,
    name: str,
    version: str,
    threshold: float | None = None,
    least_voxels: int | None = None,
    mirror: bool | None = None,
    tight: bool = False,
    reports: Sequence[Path] = (),
    words: Mapping[str, Any] | None = None,
    reading: Mapping[str, Any] | None = None,
) -> Path:
    """Writes ``<folder>/<name>.safetensors`` and its card, and returns the weights' path.

    Of several ``weights`` the mean ships; they must be of one network, fed in one way.

    What people wrote in the ``[about]`` table of an earlier card of that name is kept: data,
    licence, intended use, limits; ``words`` are written over it, and ``reading`` over what the
    training says of the scans that the model may be given and of reading them mirrored too, which
    ``mirror`` decides where it is given. Figures come from ``reports`` only, and how long the
    training took from its card. What was found of the very same weights later (``FOUND_LATER``)
    is kept where they ship again.

    Raises ValueError where the weights are not those of their card, cannot be halved, or would
    take more than ``LARGEST_BYTES``, and then leaves nothing behind.
    """
    trained = _read_training_cards(weights)
    target = folder / f"{name}.safetensors"
    card_path = target.with_suffix(".toml")
    earlier = _read_card(card_path) if card_path.exists() else {}
    types = "classes" in trained
    drawing = _drawing(trained, {"threshold": threshold, "least_voxels": least_voxels})
    if len({path.stem for path in reports}) < len(reports):
        raise ValueError("two reports have the same name, which the card knows them by")
    metrics: dict[str, dict[str, Any]] = {}
    for path in reports:
        metrics |= summarise_report(path, types=types)
    _write_weights(halve(average_files(weights)), target)
    sha256 = file_sha256(target)
    found = FOUND_LATER if earlier.get("sha256") == sha256 else ()
    write_toml(
        card_path,
        {
            "name": name,
            "version": version,
            "sequences": trained["sequences"],
            **drawing,
            "sha256": sha256,
            **{key: trained[key] for key in OUTPUTS if key in trained},
            "labels": trained["labels"],
            "reading": {
                "mirror": True,
                **trained.get("reading", {}),
                **(reading or {}),
                **({} if mirror is None else {"mirror": mirror}),
                "tight": tight,
            },
            "network": trained["network"],
            "preparation": trained["preparation"],
            **{key: earlier[key] for key in found if key in earlier},
            "about": _about(trained["about"], earlier.get("about", {}), words or {}),
            **({"metrics": metrics} if metrics else {}),
        },
    )
    return target


def _drawing(trained: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """How masks are drawn: as ``asked``, else as in training; a model that names types draws none.

    Raises ValueError where such a one is asked to.
    """
    if "classes" in trained:
        if any(value is not None for value in asked.values()):
            raise ValueError("a model that names types draws no mask, and takes no threshold")
        return {}
    return {key: trained[key] if value is None else value for key, value in asked.items()}


def _about(
    trained: Mapping[str, Any], earlier: Mapping[str, Any], words: Mapping[str, Any]
) -> dict[str, Any]:
    """The training's table, below it what people wrote, and its own facts over both."""
    facts = {key: trained[key] for key in RUN_FACTS if key in trained}
    return {**trained, **earlier, **words, **facts}


def _write_weights(weights: dict[str, Tensor], target: Path) -> None:
    """All or nothing. Raises ValueError for more than ``LARGEST_BYTES``."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    save_file(weights, partial)
    if partial.stat().st_size > LARGEST_BYTES:
        partial.unlink()
        raise ValueError(f"the weights would take more than {LARGEST_BYTES // MEGABYTE} MB")
    partial.replace(target)
    # safetensors writes for the owner alone; what ships is for everyone who may read the code.
    target.chmod(0o644)


def _read_training_cards(weights: Sequence[Path]) -> dict[str, Any]:
    """The card of the last of ``weights``, which also says which files were averaged."""
    cards = [_read_card(path.with_suffix(".toml")) for path in weights]
    for path, card in zip(weights, cards, strict=True):
        if file_sha256(path) != card["sha256"]:
            raise ValueError(f"{path.name} is not the file that its card describes")
        if any(card[table] != cards[-1][table] for table in ("network", "preparation")):
            raise ValueError(f"{path.name} is of another network than {weights[-1].name}")
    if len(weights) > 1:
        cards[-1]["about"]["averaged"] = [path.stem for path in weights]
    return cards[-1]


def _read_card(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
