"""What ships is what its card describes: safetensors, with their SHA-256, and no pickle."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ml import models
from ml.models import (
    Card,
    file_sha256,
    load_model,
    load_model_from,
    read_card,
    shipped_cards,
)
from ml.networks.build import read_network
from ml.tests.factories import THRESHOLD_SPEC, write_weights
from ml.training.config import read_config
from ml.tumour_type.model import read_type_card

CONFIGS = Path(models.__file__).parent / "configs"
SHIPPED = Path(models.__file__).parent / "weights"
SHIPPED_CARDS = sorted(SHIPPED.glob("*.toml"))


def test_only_safetensors_and_their_cards_ship() -> None:
    shipped = {path.name for path in SHIPPED.iterdir()} - {"LICENSE.md"}
    assert {name.rpartition(".")[2] for name in shipped} == {"safetensors", "toml"}
    names = [sorted(p.stem for p in SHIPPED.glob(f"*{s}")) for s in (".safetensors", ".toml")]
    assert names[0] == names[1] != []


@pytest.mark.parametrize("path", SHIPPED_CARDS, ids=lambda path: path.stem)
def test_a_shipped_card_is_complete_and_makes_sense(path: Path) -> None:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    card = read_type_card(path) if "classes" in document else read_card(path)

    assert card.name == path.stem
    assert card.version
    assert set(card.sequences) <= {"FLAIR", "T1", "T1ce", "T2", "COMPOSITE"}
    assert card.sequences
    if isinstance(card, Card):
        assert 0 < card.threshold < 1
        assert card.least_voxels >= 1
    # One that names what a picture shows draws nothing that could have a label.
    learnt = card.labels if isinstance(card, Card) else card.classes
    assert len(learnt) == card.network.options.get("out_channels", 1)
    assert bool(document["labels"]) == isinstance(card, Card)
    assert "0" not in document["labels"]
    words = ("reads", "does_not_read", "data", "licence", "intended_use", "limits", "figures")
    assert all(document["about"][name] for name in words)
    assert "not for diagnosis" in document["about"]["intended_use"]
    assert document["metrics"]


# What ships takes its words from these; the systems that are compared with it never ship.
@pytest.mark.parametrize("name", ["flair2d", "glioma", "t1ce_slices", "tumour_type"])
def test_the_configuration_of_what_ships_has_the_words_for_its_card(name: str) -> None:
    words = read_config(CONFIGS / f"{name}.toml").card
    assert {"reads", "data", "licence", "intended_use", "limits", "figures"} <= set(words)
    for path in (*words["splits"], *words["configurations"]):
        assert (CONFIGS.parents[1] / path).exists()


@pytest.mark.parametrize("path", SHIPPED_CARDS, ids=lambda path: path.stem)
def test_a_shipped_model_holds_numbers_only_and_loads(path: Path) -> None:
    network = read_network(tomllib.loads(path.read_text(encoding="utf-8"))["network"])
    read = models.load_network(network, path.with_suffix(".safetensors"))
    assert all(torch.isfinite(value).all() for value in read.state_dict().values())


def test_the_checksum_is_that_of_the_files_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"weights")
    assert file_sha256(tmp_path / "file") == hashlib.sha256(b"weights").hexdigest()


def test_a_model_loads_with_its_card(stub_weights: Path) -> None:
    model = load_model("flair2d")

    assert model.card.version == "7"
    assert model.card.labels == {1: "FLAIR abnormality"}
    assert model.engine.dimensions == 2
    assert model.card.mirror
    assert not model.card.tight


def test_weights_that_are_not_those_of_the_card_are_refused(stub_weights: Path) -> None:
    weights = stub_weights / "flair2d.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)

    with pytest.raises(ValueError, match=r"flair2d\.safetensors is not the file that its card"):
        load_model("flair2d")


def test_other_weights_may_be_named_for_a_trial(stub_weights: Path, tmp_path: Path) -> None:
    other = write_weights(tmp_path / "other", "trial")
    (stub_weights / "flair2d.safetensors").unlink()

    other.with_suffix(".toml").unlink()
    assert load_model("flair2d", weights=other).card.name == "flair2d"


def test_weights_with_their_own_card_are_what_it_says(stub_weights: Path, tmp_path: Path) -> None:
    trained = write_weights(tmp_path / "trained", "trial")

    assert load_model("flair2d", weights=trained).card.name == "trial"
    assert load_model_from(trained, engine="torch").engine.name.startswith("torch")

    trained.write_bytes((stub_weights / "flair2d.safetensors").read_bytes() + b" ")
    with pytest.raises(ValueError, match=r"trial\.safetensors is not the file that its card"):
        load_model("flair2d", weights=trained)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_weights_of_half_the_size_are_read_in_float32(tmp_path: Path, kind: torch.dtype) -> None:
    weights = write_weights(tmp_path)
    whole = load_file(weights)
    halved = {
        name: value.to(kind) if value.is_floating_point() else value
        for name, value in whole.items()
    }
    save_file(halved, weights)

    state = models.load_network(THRESHOLD_SPEC, weights).state_dict()

    assert all(state[name].dtype == value.dtype for name, value in whole.items())
    assert {value.dtype for value in state.values()} == {torch.float32, torch.int64}
    for name, value in whole.items():
        torch.testing.assert_close(state[name], value, atol=0.05, rtol=0.01)


def test_a_card_may_say_how_slices_are_read(stub_weights: Path) -> None:
    card = stub_weights / "flair2d.toml"
    with card.open("a", encoding="utf-8") as file:
        file.write("\n[reading]\nmirror = false\ntight = true\n")

    assert not read_card(card).mirror
    assert read_card(card).tight


def test_a_pickle_is_never_read_as_weights(stub_weights: Path, tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match="does not hold the weights"):
        load_model("flair2d", weights=tmp_path / "weights.pt")


def test_an_unknown_name_is_no_file(stub_weights: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_model("nonsense")


def test_the_cards_come_in_order_of_name(stub_weights: Path) -> None:
    write_weights(stub_weights, "another")
    assert [card.name for card in shipped_cards()] == ["another", "flair2d"]


def test_a_model_is_loaded_once_for_each_worker(stub_weights: Path) -> None:
    assert models.cached_model("flair2d") is models.cached_model("flair2d")


def test_a_card_that_leaves_something_out_is_refused(stub_weights: Path) -> None:
    card = stub_weights / "flair2d.toml"
    text = card.read_text(encoding="utf-8")
    card.write_text(text.replace("threshold = 0.5\n", ""), encoding="utf-8")
    with pytest.raises(KeyError, match="threshold"):
        read_card(card)


def test_a_model_that_names_types_is_not_taken_for_one_that_draws() -> None:
    with pytest.raises(ValueError, match="tumour_type names types of tumour and draws no mask"):
        read_card(SHIPPED / "tumour_type.toml")
