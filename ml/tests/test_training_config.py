"""One TOML file is a run: what it says holds, and what means nothing is refused."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ml.datasets.registry import READERS
from ml.datasets.splits import SPLITS, read_split
from ml.models import WEIGHTS
from ml.stacks import CHANNELS
from ml.tests.training_factories import tiny_config, tiny_network, write_config
from ml.training import loop
from ml.training.config import (
    FOLD,
    DataSource,
    ReadingConfig,
    Sampling,
    TrainingConfig,
    read_config,
)
from ml.training.losses import build_loss

FOLDER = Path(loop.__file__).parents[1] / "configs"
CONFIGS = sorted(FOLDER.glob("*.toml"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_config(tmp_path / "tiny.toml", tmp_path)


def test_a_config_reads_its_values_and_keeps_the_defaults(path: Path) -> None:
    config = read_config(path)

    assert (config.name, config.epochs, config.batch_size, config.seed) == ("tiny", 2, 2, 7)
    assert config.network.options == {"widths": [4, 8]}
    assert config.preparation.frame == "square"
    assert config.sources[0].train_on == ("train",)
    assert config.sources[0].validate_on == ("validation",)
    assert config.sampling == Sampling()
    assert config.patch == (32, 32)
    assert config.labels == {"1": "tumour"}


def test_every_table_of_a_config_is_read(tmp_path: Path) -> None:
    config = read_config(
        write_config(
            tmp_path / "full.toml",
            tmp_path,
            sampling={"patch": [16, 16], "order": "pass"},
            augmentation={"flip": 0.5},
            loss={"name": "combo", "balance": 0.25},
            optimiser={"name": "adam", "gradient_clip": 2.0},
            schedule={"name": "plateau", "patience": 5},
        )
    )

    assert config.patch == (16, 16)
    assert config.sampling.order == "pass"
    assert config.augmentation.flip == 0.5
    assert (config.loss.name, config.loss.balance) == ("combo", 0.25)
    assert (config.optimiser.name, config.optimiser.gradient_clip) == ("adam", 2.0)
    assert (config.schedule.name, config.schedule.patience) == ("plateau", 5)


def test_an_option_takes_the_place_of_the_files_value(path: Path) -> None:
    config = read_config(path, epochs=9, batch_size=None, learning_rate=0.5)

    assert (config.epochs, config.batch_size) == (9, 2)
    assert config.optimiser.learning_rate == 0.5


@pytest.mark.parametrize(
    "table", ["sampling", "augmentation", "loss", "optimiser", "schedule", "network", "preparation"]
)
def test_a_key_that_means_nothing_is_refused_in_every_table(tmp_path: Path, table: str) -> None:
    path = write_config(tmp_path / "typo.toml", tmp_path, **{table: {"flipp": 0.1, "a": 2}})
    with pytest.raises(ValueError, match="keys that mean nothing: a, flipp"):
        read_config(path)


def test_a_key_that_means_nothing_is_refused_outside_the_tables(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text("learning_rat = 0.1\nepoch = 3\n" + text, encoding="utf-8")
    with pytest.raises(ValueError, match="mean nothing: epoch, learning_rat"):
        read_config(path)


def test_a_config_without_a_name_is_refused(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('name = "tiny"\n', ""), encoding="utf-8")
    with pytest.raises(ValueError, match="name"):
        read_config(path)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("sampling", {"order": "random"}),
        ("sampling", {"slices": "some"}),
        ("loss", {"name": "hinge"}),
        ("optimiser", {"name": "sgd"}),
        ("schedule", {"name": "step"}),
        ("network", {"kind": "transformer"}),
        ("preparation", {"frame": "round"}),
        ("preparation", {"scale": "loud"}),
    ],
)
def test_a_value_that_means_nothing_is_refused_and_the_choice_is_told(
    tmp_path: Path, table: str, values: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r" (is|one of) "):
        read_config(write_config(tmp_path / "odd.toml", tmp_path, **{table: values}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": tiny_network(in_channels=1)}, "gives 3 channels, but the network reads 1"),
        ({"sampling": Sampling(patch=(32, 31))}, r"patch of \(32, 31\) does not suit"),
        ({"network": tiny_network(dimensions=3), "sampling": Sampling(patch=(8, 8))}, "3 dimens"),
        ({"sampling": Sampling(patch=(8, 8, 8))}, "2 dimensions"),
    ],
)
def test_a_network_that_its_input_does_not_suit_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_config(tmp_path, **changes)


def test_a_3d_network_has_windows_of_the_preparation_for_samples(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, network=tiny_network(dimensions=3))
    assert config.patch == config.preparation.window == (32, 128, 128)


# Those that ship


def shipped(name: str) -> TrainingConfig:
    return read_config(next(path for path in CONFIGS if path.stem == name))


FOLDS = (1, 2, 3)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_shipped_configs_can_be_run(path: Path) -> None:
    config = read_config(path)

    assert config.name == path.stem
    assert set(config.preparation.channels) <= {*CHANNELS, "T2"}
    assert all(side % config.network.stride == 0 for side in config.patch)
    for source in config.sources:
        assert source.dataset in READERS
        for fold in FOLDS if FOLD in source.split else (0,):
            _check_parts(replace(source, split=source.split.replace(FOLD, str(fold))))
    build_loss(config.loss)
    # On the meta device a network has its shapes and no numbers, which costs nothing.
    with torch.device("meta"):
        network = config.network.build()
    assert sum(value.numel() for value in network.parameters()) > 1_000_000


def _check_parts(source: DataSource) -> None:
    split = read_split(SPLITS / source.split)
    assert "test" not in source.train_on
    assert "test" not in source.validate_on
    assert all(split.part(part) for part in (*source.train_on, *source.validate_on))


def test_a_fold_goes_on_from_the_run_of_its_own_fold() -> None:
    path = next(path for path in CONFIGS if path.stem == "glioma_views")
    begun = [read_config(path, fold=fold).start_from for fold in (0, 2)]
    assert [Path(one).stem for one in begun] == ["glioma", "glioma-2"]
    assert [Path(one).parent.name for one in begun] == ["glioma", "glioma-2"]
    one, two = read_config(path), shipped("glioma")
    assert one.network == two.network
    assert one.sources[0].split == two.sources[0].split, "nobody tested was seen before"


def test_the_two_runs_of_system_c_differ_in_their_loss_only() -> None:
    one, two = shipped("system_c_bce"), shipped("system_c_bce_dice")

    assert (one.loss.name, two.loss.name) == ("bce", "bce_dice")
    assert one.network == two.network
    assert one.sampling == two.sampling
    assert one.preparation == two.preparation
    assert one.optimiser == two.optimiser


def test_the_two_forms_of_system_a_differ_in_their_encoder_only() -> None:
    one, two = shipped("system_a_vgg16"), shipped("system_a_lite0")

    assert one.preparation == two.preparation
    assert one.augmentation == two.augmentation
    assert (one.epochs, one.batch_size, one.seed) == (two.epochs, two.batch_size, two.seed)
    assert two.encoder_weights == "package"


def test_what_a_model_may_be_given_goes_from_the_configuration_into_its_card() -> None:
    for name, mirror in (("glioma", True), ("glioma_views", False)):
        reading = read_config(FOLDER / f"{name}.toml").reading
        assert reading.needs == (("FLAIR",),)
        table = {"kinds": ["volume"], "needs": [["FLAIR"]], "mirror": mirror}
        assert reading.as_table() == table
    slices = read_config(FOLDER / "t1ce_slices.toml").reading
    assert slices.as_table() == {"kinds": ["picture"], "mirror": True}
    assert read_config(FOLDER / "flair2d.toml").reading.kinds == ("picture", "volume")


@pytest.mark.parametrize("name", ["flair2d", "glioma", "t1ce_slices", "tumour_type"])
def test_a_configuration_reads_mirrored_as_what_ships_from_it(name: str) -> None:
    card = tomllib.loads((WEIGHTS / f"{name}.toml").read_text(encoding="utf-8"))
    assert card["reading"]["mirror"] is read_config(FOLDER / f"{name}.toml").reading.mirror


def test_a_kind_that_no_scan_is_of_is_refused() -> None:
    with pytest.raises(ValueError, match="kinds are picture, volume"):
        ReadingConfig(kinds=("film",))
