"""The network: the mask has the size of the image, and the weights are all there is to it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ml.models import load_network
from ml.unet import UNet, UNetConfig

SMALL = UNetConfig(widths=(4, 6, 8))


@pytest.mark.parametrize(
    ("widths", "stride"), [((4,), 1), ((4, 8), 2), ((4, 8, 8), 4), ((32, 64, 128, 256, 256), 16)]
)
def test_the_stride_is_two_for_each_level_after_the_first(
    widths: tuple[int, ...], stride: int
) -> None:
    assert UNetConfig(widths=widths).stride == stride


@pytest.mark.parametrize("size", [(8, 8), (12, 20), (4, 32)])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_logits_have_the_size_of_the_image(size: tuple[int, int], batch: int) -> None:
    network = UNet(SMALL).eval()
    with torch.inference_mode():
        assert network(torch.zeros(batch, 3, *size)).shape == (batch, 1, *size)


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_any_depth_works_odd_or_even(levels: int) -> None:
    config = UNetConfig(in_channels=2, out_channels=4, widths=(3, 5, 7, 9)[:levels])
    with torch.inference_mode():
        logits = UNet(config).eval()(torch.zeros(1, 2, config.stride, 3 * config.stride))
    assert logits.shape == (1, 4, config.stride, 3 * config.stride)


def test_the_weights_survive_a_round_trip_through_safetensors(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = UNet(SMALL)
    network(torch.randn(2, 3, 16, 16))
    network.eval()
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(state, tmp_path / "weights.safetensors")

    again = load_network(SMALL, tmp_path / "weights.safetensors")

    images = torch.randn(1, 3, 16, 24)
    with torch.inference_mode():
        torch.testing.assert_close(again(images), network(images))
    assert not again.training
    assert load_file(tmp_path / "weights.safetensors").keys() == network.state_dict().keys()


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file(dict(UNet(SMALL).state_dict()), tmp_path / "weights.safetensors")
    with pytest.raises(RuntimeError):
        load_network(UNetConfig(widths=(4, 6)), tmp_path / "weights.safetensors")


def test_every_weight_gets_a_gradient() -> None:
    network = UNet(SMALL)
    network(torch.randn(2, 3, 8, 8)).mean().backward()
    assert all(value.grad is not None for value in network.parameters())


def test_a_slice_is_read_the_same_alone_and_in_a_batch() -> None:
    torch.manual_seed(1)
    network, images = UNet(SMALL).eval(), torch.randn(3, 3, 8, 8)
    with torch.inference_mode():
        together = network(images)
        torch.testing.assert_close(network(images[1:2]), together[1:2], atol=1e-5, rtol=1e-4)
