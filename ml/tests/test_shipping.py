"""What ships is small, holds numbers only, and says in its card what people and figures said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ml import shipping
from ml.__main__ import main
from ml.models import file_sha256, load_model_from, read_card
from ml.shipping import halve, ship_model
from ml.tests.shipping_factories import ship, table, write_run
from ml.training.config import ReadingConfig

CPU = torch.device("cpu")


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run")


def break_weights(trained: Path, name: str, value: float) -> None:
    """One number of the run's weights is another, and the card belongs to them."""
    state = load_file(trained)
    state[name].view(-1)[0] = value
    before = file_sha256(trained)
    save_file(state, trained)
    card = trained.with_suffix(".toml")
    text = card.read_text(encoding="utf-8").replace(before, file_sha256(trained))
    card.write_text(text, encoding="utf-8")


# The weights


def test_kernels_are_halved_and_everything_else_is_kept(trained: Path, tmp_path: Path) -> None:
    before, after = load_file(trained), load_file(ship(trained, tmp_path / "out"))

    assert after.keys() == before.keys()
    for name, value in before.items():
        is_kernel = value.ndim >= 2
        assert after[name].dtype == (torch.float16 if is_kernel else value.dtype), name
        torch.testing.assert_close(after[name].to(value.dtype), value, atol=1e-3, rtol=1e-3)
    assert {value.dtype for value in after.values()} == {torch.float16, torch.float32, torch.int64}


def test_the_shipped_file_is_that_of_its_card_and_for_everyone_to_read(
    trained: Path, tmp_path: Path
) -> None:
    shipped = ship(trained, tmp_path / "out")

    assert read_card(shipped.with_suffix(".toml")).sha256 == file_sha256(shipped)
    assert shipped.stat().st_mode & 0o777 == 0o644
    assert {path.name for path in shipped.parent.iterdir()} == {"tiny.safetensors", "tiny.toml"}


def test_what_was_shipped_reads_as_what_was_trained(trained: Path, tmp_path: Path) -> None:
    images = np.random.default_rng(0).normal(size=(1, 3, 32, 32)).astype(np.float32)

    one, two = (
        load_model_from(path, engine="torch").engine.read(images)
        for path in (trained, ship(trained, tmp_path / "out"))
    )

    np.testing.assert_allclose(one, two, atol=0.01)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("head.weight", float("nan"), "head.weight holds values that are no numbers"),
        ("head.bias", float("nan"), "head.bias holds values that are no numbers"),
        ("encoder.0.1.running_var", float("inf"), "running_var holds values that are no numbers"),
        ("head.weight", 7e4, "head.weight does not fit into float16"),
    ],
)
def test_weights_that_are_no_numbers_or_too_large_are_refused(
    trained: Path, tmp_path: Path, name: str, value: float, message: str
) -> None:
    break_weights(trained, name, value)

    with pytest.raises(ValueError, match=message):
        ship(trained, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_a_variance_beyond_float16_is_kept() -> None:
    state: dict[str, Tensor] = {"running_var": torch.tensor([1e6]), "weight": torch.ones(1, 1)}
    assert float(halve(state)["running_var"]) == 1e6


def test_weights_that_would_be_too_large_leave_what_ships_alone(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    before = ship(trained, out).read_bytes()
    monkeypatch.setattr(shipping, "LARGEST_BYTES", 1000)

    with pytest.raises(ValueError, match="the weights would take more than"):
        ship(write_run(tmp_path / "other", seed=2), out)

    assert (out / "tiny.safetensors").read_bytes() == before
    assert {path.name for path in out.iterdir()} == {"tiny.safetensors", "tiny.toml"}


def test_weights_that_are_not_those_of_their_card_are_refused(
    trained: Path, tmp_path: Path
) -> None:
    state = load_file(trained)
    save_file({name: value + 1 for name, value in state.items()}, trained)
    with pytest.raises(ValueError, match="not the file that its card describes"):
        ship(trained, tmp_path / "out")


# The card


def test_the_card_has_what_training_and_the_options_say(trained: Path, tmp_path: Path) -> None:
    plain = read_card(ship(trained, tmp_path / "a").with_suffix(".toml"))
    chosen = read_card(
        ship(
            trained, tmp_path / "b", name="other", threshold=0.35, least_voxels=30, mirror=False
        ).with_suffix(".toml")
    )

    assert (plain.name, plain.version, plain.mirror) == ("tiny", "2", True)
    assert (plain.threshold, plain.least_voxels) == (0.5, 1)
    assert (chosen.name, chosen.mirror) == ("other", False)
    assert (chosen.threshold, chosen.least_voxels) == (0.35, 30)
    assert plain.sequences == chosen.sequences == ("COMPOSITE",)
    assert plain.labels == {1: "tumour"}
    assert plain.network == read_card(trained.with_suffix(".toml")).network
    assert plain.preparation == read_card(trained.with_suffix(".toml")).preparation


def test_what_people_wrote_about_it_is_kept_and_what_training_wrote_is_renewed(
    trained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shipped = ship(trained, out)
    card = shipped.with_suffix(".toml")
    text = card.read_text(encoding="utf-8")
    written = '[about]\nlicence = "research only"\nreads = "größe"\n'
    card.write_text(text.replace("[about]\n", written), encoding="utf-8")

    ship(write_run(tmp_path / "second", seed=2), out, version="3")

    about = table(shipped)["about"]
    assert (about["licence"], about["reads"], about["task"]) == ("research only", "größe", "marks")
    assert (about["epoch"], about["steps"]) == (8, 24)
    assert table(shipped)["version"] == "3"


def test_the_command_ships(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["ship", str(trained), "--name", "tiny", "--version", "4", "--threshold", "0.3"]

    assert main([*arguments, "--no-mirror", "--out", str(tmp_path / "out")]) == 0

    card = read_card(tmp_path / "out" / "tiny.toml")
    assert (card.version, card.threshold, card.mirror) == ("4", 0.3, False)
    assert "tiny.safetensors (0.0 MB)" in capsys.readouterr().out


# Several epochs


def test_of_several_epochs_the_mean_ships(tmp_path: Path) -> None:
    one, two = write_run(tmp_path / "one", seed=1), write_run(tmp_path / "two", seed=2)

    shipped = ship_model([one, two], folder=tmp_path / "out", name="tiny", version="2")

    first, second, mean = load_file(one), load_file(two), load_file(shipped)
    for name, value in mean.items():
        if value.is_floating_point():
            expected = (first[name] + second[name]) / 2
            torch.testing.assert_close(value.float(), expected, atol=1e-3, rtol=1e-3)
    assert table(shipped)["about"]["averaged"] == [one.stem, two.stem]


def test_epochs_of_two_networks_are_not_averaged(tmp_path: Path) -> None:
    one, two = write_run(tmp_path / "one"), write_run(tmp_path / "two")
    card = two.with_suffix(".toml")
    card.write_text(
        card.read_text(encoding="utf-8").replace('scale = "standard"', 'scale = "range"'),
        encoding="utf-8",
    )
    with pytest.raises(ValueError, match="another network"):
        ship_model([one, two], folder=tmp_path / "out", name="tiny", version="2")
    assert not (tmp_path / "out").exists()


def test_what_the_model_may_be_given_stays_in_the_card_that_ships(tmp_path: Path) -> None:
    reading = ReadingConfig(kinds=("volume",), needs=(("FLAIR",),))
    trained = write_run(tmp_path / "run", reading=reading)
    shipped = table(ship(trained, tmp_path / "shipped", mirror=False).with_suffix(".toml"))
    assert shipped["reading"] == {**reading.as_table(), "mirror": False, "tight": False}
    assert read_card(tmp_path / "shipped" / "tiny.toml").needs == (("FLAIR",),)


def test_it_reads_mirrored_where_its_configuration_says_so(tmp_path: Path) -> None:
    for mirror in (False, True):
        trained = write_run(tmp_path / "run", reading=ReadingConfig(mirror=mirror))
        assert read_card(ship(trained, tmp_path / "out").with_suffix(".toml")).mirror is mirror
