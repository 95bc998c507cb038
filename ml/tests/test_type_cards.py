"""What a model that names types says of itself, and ``python -m ml classify``."""

from __future__ import annotations

import gzip
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml import models
from ml.__main__ import main
from ml.cards import write_toml
from ml.evaluation.types import ask_types, score_types
from ml.shipping import ship_model
from ml.tests import factories as heads
from ml.tests.test_tumour_type import CLASSES, model, shown, write_trained, write_types
from ml.training.config import read_config
from ml.tumour_type.model import read_type_card

CONFIGS = Path(models.__file__).parent / "configs"


@pytest.fixture
def slice_file(tmp_path: Path) -> Path:
    return heads.save_picture(tmp_path / "slice.png", heads.grey_slice())


def test_classify_answers_with_what_the_model_knows_and_draws_the_evidence(
    tmp_path: Path, slice_file: Path
) -> None:
    weights = write_trained(tmp_path / "runs", "types", 1)
    answer, drawn = tmp_path / "answer.json", tmp_path / "evidence.png"
    asked = [str(slice_file), "--weights", str(weights)]
    assert main(["classify", *asked, "--json", str(answer), "--evidence", str(drawn)]) == 0
    found = json.loads(answer.read_text(encoding="utf-8"))
    assert found["likeliest"] == max(found["probabilities"], key=found["probabilities"].get)
    assert found["not_seen"] == ["metastases"]
    assert found["calibrated_on_pictures"] == 0
    with Image.open(drawn) as picture:
        assert (picture.size, picture.mode) == ((96, 96), "RGB")


def test_a_folder_is_scored_whatever_is_missing_of_it(tmp_path: Path, stub_weights: Path) -> None:
    weights = write_trained(tmp_path / "runs", "types", 1)
    root, out = write_types(tmp_path / "set"), tmp_path / "out.json"
    with (root / "index.csv").open("a") as index:
        index.write("\n0.png,metastasis,3\n")
    asked = ["evaluate", "--dataset", "types", "--root", str(root), "--model", "flair2d"]
    asked += ["--type-weights", str(weights), "--json", str(out)]

    assert main(asked) == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["dice"] is None
    assert 0 <= found["accuracy"] <= 1 and 0 <= found["accuracy_three_class"] <= 1
    assert (found["types"]["pictures"], found["types"]["other_labels"]) == (12, 1)

    mask = np.zeros((40, 40), dtype=np.uint8)
    mask[:20, :20] = 255
    Image.fromarray(mask).save(root / "0_mask.png")
    assert main(asked) == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert 0 <= found["dice"] <= 1
    assert found["scans"] == 1
    # Twelve pictures, three of them without a tumour, and one has its mask.
    assert len(found["excluded"]) == 8


@pytest.mark.parametrize("fault", ["a volume", "a card that names no types", "no card", "no file"])
def test_classify_refuses_in_one_sentence(
    fault: str, tmp_path: Path, slice_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = write_trained(tmp_path / "runs", "types", 1)
    asked = slice_file
    if fault == "a volume":
        asked = tmp_path / "head.nii.gz"
        asked.write_bytes(gzip.compress(heads.nifti_bytes(heads.head(), np.eye(4))))
    elif fault == "a card that names no types":
        card = weights.with_suffix(".toml")
        card.write_text(card.read_text().replace("classes =", "kinds ="))
    elif fault == "no card":
        weights.with_suffix(".toml").unlink()
    else:
        asked = tmp_path / "absent.png"
    assert main(["classify", str(asked), "--weights", str(weights)]) == 1
    said = capsys.readouterr().err.strip()
    words = {"a volume": "save the slice", "a card that names no types": "no card of a model",
             "no card": "There is no file", "no file": "There is no file"}[fault]  # fmt: skip
    assert words in said and "\n" not in said


def test_what_a_card_says_comes_from_the_configuration_and_calibration_stays_with_its_weights(
    tmp_path: Path,
) -> None:
    config = read_config(CONFIGS / "tumour_type.toml")
    trained, shipped = write_trained(tmp_path / "runs", "types", 1), tmp_path / "weights"
    ship_model([trained], folder=shipped, name="tumour_type", version="1", words=config.card)
    path = shipped / "tumour_type.toml"
    card = read_type_card(path)
    assert any("metastasis" in words for words in card.about["not_seen"])
    assert card.about["seen"] and "other scanners" in card.about["confounded"]
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    write_toml(path, {**document, "calibration": {"temperature": 1.5, "pictures": 9}})
    ship_model([trained], folder=shipped, name="tumour_type", version="1")
    assert read_type_card(path).calibration.pictures == 9
    other = write_trained(tmp_path / "runs", "others", 2)
    ship_model([other], folder=shipped, name="tumour_type", version="2")
    assert read_type_card(path).calibration.pictures == 0


def test_the_card_of_a_model_for_types_has_the_figures_of_naming_three_classes_first(
    tmp_path: Path,
) -> None:
    answers = ask_types(model(), [shown(n % 4, CLASSES[n % 4]) for n in range(8)])
    report = tmp_path / "test_types.json"
    report.write_text(json.dumps({"dataset": "types", "types": score_types(answers)}))
    trained = write_trained(tmp_path / "runs", "types", 1)
    shipped = ship_model(
        [trained], folder=tmp_path / "weights", name="tumour_type", version="1", reports=[report]
    )
    figures = read_type_card(shipped.with_suffix(".toml")).metrics["test_types"]
    assert list(figures).index("accuracy_three_class") < list(figures).index("accuracy")
    assert (figures["accuracy_three_class"], figures["pictures"]) == (1.0, 8)
    assert figures["by_class"][CLASSES[0]]["recall"] == 1.0


def test_what_a_model_may_be_given_can_be_said_after_its_training(tmp_path: Path) -> None:
    trained = write_trained(tmp_path / "runs", "slices", 1)
    folder = str(tmp_path / "weights")
    config = str(CONFIGS / "t1ce_slices.toml")
    shipping = ["--name", "slices", "--version", "1", "--config", config, "--out", folder]
    assert main(["ship", str(trained), *shipping]) == 0
    card = tomllib.loads((tmp_path / "weights" / "slices.toml").read_text(encoding="utf-8"))
    assert card["reading"]["kinds"] == ["picture"]
    assert "all show a glioma" in card["about"]["limits"]
