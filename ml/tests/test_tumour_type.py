"""Calibrated probabilities, the answer "uncertain", and the figures by class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from ml import models
from ml.__main__ import main
from ml.cards import write_toml
from ml.datasets.figshare import NO_TUMOUR, TUMOURS, TypedSlice
from ml.evaluation.type_pictures import write_type_pictures
from ml.evaluation.types import ask_types, score_types, types_as_table
from ml.models import file_sha256
from ml.networks.build import NetworkSpec, read_network
from ml.preparation import Preparation
from ml.shipping import ship_model
from ml.stacks import stack_of_channels
from ml.tumour_type import TypeModel, load_type_model
from ml.tumour_type.calibration import Calibration, as_probabilities, calibrate, reliability
from ml.tumour_type.evidence import find_evidence
from ml.tumour_type.model import UNCERTAIN, TypeCard

CLASSES = (*TUMOURS, NO_TUMOUR)
PREPARATION = Preparation(channels=("T1ce",), frame="fit", side=32)


class ByCorner(nn.Module):
    """Says the class whose number the brightest quarter of the picture has, twice as likely."""

    def forward(self, pictures: Tensor) -> Tensor:
        half = pictures.shape[-1] // 2
        quarters = [
            pictures[:, 0, rows, columns].mean(dim=(1, 2))
            for rows in (slice(0, half), slice(half, None))
            for columns in (slice(0, half), slice(half, None))
        ]
        best = torch.stack(quarters, dim=1).argmax(dim=1)
        return torch.log(torch.tensor(2.0)) * nn.functional.one_hot(best, 4).float()


def model(certain_from: float = 0.0) -> TypeModel:
    card = TypeCard(
        "corner", "1", ("T1ce",), CLASSES, "", NetworkSpec(), PREPARATION,
        Calibration(certain_from=certain_from), {},
    )  # fmt: skip
    return TypeModel(card, ByCorner())


def shown(corner: int, label: str) -> TypedSlice:
    picture = np.full((1, 40, 40), 60, dtype=np.uint8)
    row, column = divmod(corner, 2)
    picture[0, 20 * row : 20 * row + 20, 20 * column : 20 * column + 20] = 200
    stack = stack_of_channels({"T1ce": picture}, order=("T1ce",))
    return TypedSlice(f"{label}.png", label, "fold-1", stack)


def test_a_picture_gets_a_probability_for_each_class_and_a_verdict() -> None:
    found = model().name(shown(2, CLASSES[2]).stack)
    assert found.verdict == CLASSES[2]
    assert found.probabilities[CLASSES[2]] == pytest.approx(0.4)
    assert sum(found.probabilities.values()) == pytest.approx(1.0)


def test_a_model_may_read_each_picture_mirrored_too() -> None:
    both = TypeModel(replace(model().card, mirror=True), ByCorner())
    found = both.name(shown(2, CLASSES[2]).stack).probabilities
    # The mirrored picture has its bright quarter at the other side: both answers are as likely.
    assert found[CLASSES[2]] == pytest.approx(found[CLASSES[3]])
    assert found[CLASSES[2]] > found[CLASSES[0]] == pytest.approx(found[CLASSES[1]])


def test_what_is_not_sure_enough_is_uncertain() -> None:
    found = model(certain_from=0.41).name(shown(0, CLASSES[0]).stack)
    assert (found.verdict, found.is_certain) == (UNCERTAIN, False)


def test_three_classes_are_scored_among_tumours_and_four_among_all() -> None:
    slices = [shown(n, CLASSES[n]) for n in range(4)]
    # A glioma that is taken for none: wrong among four, and among three the first of equals.
    slices += [shown(3, CLASSES[1]), shown(3, CLASSES[0])]
    found = score_types(ask_types(model(), slices))
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["accuracy_three_class"] == pytest.approx(4 / 5)
    assert found["confusion"][1] == [0, 1, 0, 1]
    assert found["by_class"][CLASSES[1]]["recall"] == 0.5
    assert found["by_class"][NO_TUMOUR]["precision"] == pytest.approx(1 / 3)
    assert found["by_class"][CLASSES[2]]["auc"] == 1.0
    low, high = found["accuracy_interval"]
    assert low < 4 / 6 < high


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(ValueError, match="metastasis"):
        ask_types(model(), [shown(0, "metastasis")])


def test_the_temperature_brings_boasting_down_to_what_is_right() -> None:
    draw = np.random.default_rng(1)
    truth = draw.integers(0, 3, 4000)
    logits = draw.normal(0, 1, (4000, 3))
    # Right in proportion to its own probabilities, then made five times as sure of itself.
    truth = np.array([draw.choice(3, p=row) for row in as_probabilities(logits)])
    found = calibrate(5 * logits, truth)
    assert found.temperature == pytest.approx(5.0, rel=0.1)


def test_what_is_called_certain_is_right_as_often_as_wanted() -> None:
    draw = np.random.default_rng(2)
    logits = draw.normal(0, 2, (3000, 3))
    truth = np.array([draw.choice(3, p=row) for row in as_probabilities(logits)])
    found = calibrate(logits, truth)
    probabilities = found.apply(logits)
    certain = probabilities.max(axis=1) >= found.certain_from
    assert 0.02 < certain.mean() < 1.0
    right = probabilities.argmax(axis=1) == truth
    assert right[certain].mean() == pytest.approx(0.98, abs=0.005)
    assert right[~certain].mean() < 0.95
    assert sum(one.pictures for one in reliability(probabilities, truth)) == 3000


def test_weights_load_only_with_the_card_that_was_written_for_them(tmp_path: Path) -> None:
    spec = read_network({"kind": "classifier", "in_channels": 1, "out_channels": 4})
    weights = tmp_path / "types.safetensors"
    save_file(spec.build().state_dict(), weights)
    document = {
        "name": "types", "version": "3", "sequences": ["T1ce"], "classes": list(CLASSES),
        "sha256": file_sha256(weights), "network": spec.as_table(),
        "preparation": PREPARATION.as_table(),
        "calibration": {"temperature": 1.5, "certain_from": 0.7, "pictures": 9, "fold": "fold-3"},
    }  # fmt: skip
    write_toml(tmp_path / "types.toml", document)
    found = load_type_model(weights)
    assert found.card.calibration == Calibration(1.5, 0.7, 9, "fold-3")
    assert found.name(shown(1, CLASSES[0]).stack).probabilities.keys() == set(CLASSES)
    write_toml(tmp_path / "types.toml", {**document, "sha256": "0"})
    with pytest.raises(ValueError, match="card describes"):
        load_type_model(weights)


def write_trained(folder: Path, name: str, seed: int) -> Path:
    """Weights and card as a run on types leaves them."""
    torch.manual_seed(seed)
    spec = read_network({"kind": "classifier", "in_channels": 1, "out_channels": 4})
    folder.mkdir(exist_ok=True)
    weights = folder / f"{name}.safetensors"
    save_file(spec.build().state_dict(), weights)
    document = {
        "name": name, "version": "1", "sequences": ["T1ce"], "threshold": 0.5, "least_voxels": 1,
        "sha256": file_sha256(weights), "classes": list(CLASSES), "labels": {},
        "network": spec.as_table(), "preparation": PREPARATION.as_table(),
        "about": {"task": "type", "not_seen": ["metastases"]},
    }  # fmt: skip
    write_toml(weights.with_suffix(".toml"), document)
    return weights


def write_types(root: Path) -> Path:
    root.mkdir()
    rows = ["file,label,fold"]
    for number, label in enumerate(CLASSES * 3):
        picture = shown(number % 4, label).stack.pixels[0, 0]
        Image.fromarray(picture).save(root / f"{number}.png")
        rows.append(f"{number}.png,{label},3")
    (root / "index.csv").write_text("\n".join(rows))
    return root


def test_a_trained_network_ships_with_its_classes_and_is_calibrated_on_another_runs_fold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = write_trained(tmp_path / "runs", "all", 1)
    other = write_trained(tmp_path / "runs", "part", 2)
    root, shipped = write_types(tmp_path / "types"), tmp_path / "weights"
    ship_model([trained], folder=shipped, name="tumour_type", version="1")
    arguments = ["--root", str(root), "--weights", str(other), "--folder", str(shipped)]
    assert main(["calibrate-types", "--fold", "fold-3", *arguments]) == 0
    assert "12 pictures of fold-3" in capsys.readouterr().out
    card = load_type_model(shipped / "tumour_type.safetensors").card
    assert card.classes == CLASSES
    assert (card.calibration.pictures, card.calibration.fold) == (12, "fold-3")
    assert "threshold" not in (shipped / "tumour_type.toml").read_text()
    with pytest.raises(ValueError, match="takes no threshold"):
        ship_model([trained], folder=shipped, name="tumour_type", version="2", threshold=0.4)
    assert main(["calibrate-types", "--fold", "fold-9", *arguments]) == 1


def test_a_model_that_names_types_is_none_that_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_trained(tmp_path / "weights", "tumour_type", 1)
    monkeypatch.setattr(models, "WEIGHTS", tmp_path / "weights")
    models.shipped_cards.cache_clear()
    try:
        assert models.shipped_cards() == ()
    finally:
        models.shipped_cards.cache_clear()


def test_the_pictures_and_the_table_show_every_class(tmp_path: Path) -> None:
    answers = ask_types(model(), [shown(n % 4, CLASSES[n % 4]) for n in range(12)])
    drawn = write_type_pictures(tmp_path, answers, title="A test").read_text()
    again = write_type_pictures(tmp_path, answers, title="A test").read_text()
    assert drawn.startswith("<?xml") and drawn == again
    table = types_as_table(score_types(answers))
    assert table.index("three classes") < table.index("confounded")
    assert all(name in table for name in CLASSES)


class ByBrightness(nn.Module):
    """The brighter a picture, the more it is of the first class."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.Conv2d(1, 1, 1)
        nn.init.ones_(layer.weight)
        nn.init.zeros_(layer.bias)
        self.top = nn.Sequential(layer, nn.ReLU())

    def forward(self, pictures: Tensor) -> Tensor:
        mean = self.top(pictures).mean(dim=(1, 2, 3))
        return torch.stack([mean, -mean, -mean, -mean], dim=1)


def test_the_evidence_lies_where_it_comes_from_on_the_pictures_own_grid() -> None:
    picture = np.zeros((1, 80, 60), dtype=np.uint8)
    picture[0, 10:70, 10:50] = 80
    picture[0, 30:40, 20:28] = 230
    stack = stack_of_channels({"T1ce": picture}, order=("T1ce",))
    bright = TypeModel(model().card, ByBrightness())
    found = find_evidence(bright, stack, of=CLASSES[0])
    assert found.shape == (80, 60)
    assert found.min() >= 0.0 and found.max() <= 1.0
    assert found[33:37, 22:26].min() > 0.8
    assert found[60:66, 40:46].max() < 0.6
    assert not found[:4].any()
    with pytest.raises(ValueError, match="does not know metastasis"):
        find_evidence(bright, stack, of="metastasis")


def test_what_speaks_for_nothing_is_no_evidence_rather_than_evidence_everywhere() -> None:
    against = TypeModel(model().card, ByBrightness())
    stack = shown(1, CLASSES[1]).stack
    assert find_evidence(against, stack, of=CLASSES[0]).any()
    assert not find_evidence(against, stack, of=CLASSES[1]).any()


def test_asking_for_evidence_leaves_nothing_hanging_on_the_network() -> None:
    bright = TypeModel(model().card, ByBrightness())
    for _ in range(3):
        find_evidence(bright, shown(1, CLASSES[1]).stack, of=CLASSES[0])
    for part in bright.network.modules():
        assert not part._forward_hooks and not part._backward_hooks
    assert all(value.grad is None for value in bright.network.parameters())


def test_an_answer_that_is_no_number_is_none() -> None:
    broken = TypeModel(model().card, ByBrightness())
    with torch.no_grad():
        broken.network.get_parameter("top.0.weight").fill_(float("nan"))
    with pytest.raises(ValueError, match="no probabilities"):
        broken.name(shown(1, CLASSES[1]).stack)
