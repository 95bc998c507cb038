"""What a run leaves behind to be read: its log, its curves and the card of its weights."""

from __future__ import annotations

import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from ml.evaluation.gallery import Gallery, key_slice
from ml.models import file_sha256, load_model, read_card
from ml.tests.training_factories import labelled_case, read_log, tiny_config, tiny_source
from ml.training.config import TrainingConfig
from ml.training.records import write_card, write_examples, write_records
from ml.training.run import LogRow, start_run

NOWHERE = Path("unread")


def row(epoch: int, **dice: float) -> LogRow:
    return {
        "epoch": epoch,
        "steps": 250 * epoch,
        "loss": 1 / epoch,
        "learning_rate": 0.00012345,
        **{f"dice_{name}": value for name, value in dice.items()},
        "minutes": 12.34 * epoch,
        "cut": 0.0,
    }


def test_the_log_has_a_row_for_each_epoch_and_a_column_for_each_figure(tmp_path: Path) -> None:
    write_records([row(1, lgg=0.51234, brats=0.4), row(2, lgg=0.6, brats=0.5)], tmp_path)

    log = read_log(tmp_path)
    assert log[0] == {
        "epoch": "1",
        "steps": "250",
        "loss": "1.0000",
        "learning_rate": "0.00012345",
        "dice_lgg": "0.5123",
        "dice_brats": "0.4000",
        "minutes": "12.3",
        "cut": "0",
    }
    assert [entry["epoch"] for entry in log] == ["1", "2"]


def test_the_curves_are_a_picture_and_the_same_again_for_the_same_log(tmp_path: Path) -> None:
    drawn = []
    for _ in range(2):
        write_records([row(1, lgg=0.5, lgg_flair=0.3), row(2, lgg=0.6, lgg_flair=0.4)], tmp_path)
        drawn.append((tmp_path / "curves.svg").read_bytes())

    assert drawn[0] == drawn[1]
    assert ElementTree.fromstring(drawn[0]).tag.endswith("svg")


@pytest.mark.filterwarnings("error")
def test_a_run_without_validation_has_curves_too(tmp_path: Path) -> None:
    write_records([row(1)], tmp_path)
    assert (tmp_path / "curves.svg").stat().st_size > 1000


def test_the_worst_and_best_cases_are_drawn(tmp_path: Path) -> None:
    examples = Gallery()
    for seed in range(5):
        case = labelled_case(3, side=64, seed=seed)
        examples.add(key_slice(case, case.stack, case.mask, 0.2 * seed))

    write_examples(examples, tmp_path)

    for name in ("worst.png", "best.png"):
        assert Image.open(tmp_path / name).size[0] > 200


def test_nobody_to_draw_gives_no_picture(tmp_path: Path) -> None:
    write_examples(Gallery(), tmp_path)
    assert list(tmp_path.iterdir()) == []


# The card


def shipped_config() -> TrainingConfig:
    sources = (
        tiny_source(NOWHERE, split="lgg.toml", train_on=("train", "validation")),
        tiny_source(NOWHERE, dataset="brats", split="brats.toml"),
    )
    return tiny_config(
        NOWHERE,
        sources=sources,
        version="3",
        about='FLAIR "abnormality" in größe',
        threshold=0.4,
        least_voxels=12,
        labels={"1": "FLAIR abnormality"},
    )


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A run's weights after 75 seconds, with their card."""
    config = shipped_config()
    run = start_run(config, steps_per_epoch=3, device=torch.device("cpu"))
    run.epoch, run.step, run.seconds = 4, 12, 75.0
    path = tmp_path / "tiny.safetensors"
    save_file(run.weights(), path)
    assert write_card(config, path, run) == tmp_path / "tiny.toml"
    return path


def test_the_card_says_how_to_build_and_feed_the_network(weights: Path) -> None:
    config, card = shipped_config(), read_card(weights.with_suffix(".toml"))

    assert (card.name, card.version) == ("tiny", "3")
    assert card.sequences == ("COMPOSITE",)
    assert card.labels == {1: "FLAIR abnormality"}
    assert (card.threshold, card.least_voxels) == (0.4, 12)
    assert card.sha256 == file_sha256(weights)
    assert card.network == config.network
    assert card.preparation == config.preparation


def test_the_card_says_where_the_weights_come_from(weights: Path) -> None:
    about = tomllib.loads(weights.with_suffix(".toml").read_text(encoding="utf-8"))["about"]

    assert about["task"] == 'FLAIR "abnormality" in größe'
    assert (about["epoch"], about["steps"], about["minutes"]) == (4, 12, 1.2)
    assert about["training_data"] == [
        "lgg (lgg.toml: train, validation)",
        "brats (brats.toml: train)",
    ]


def test_what_was_trained_can_be_used_at_once(weights: Path) -> None:
    assert load_model(weights=weights, engine="torch").card.name == "tiny"
