"""The networks: the mask has the size of the image, and a few lines of TOML build them again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from monai.networks import nets
from safetensors.torch import load_file, save_file
from torch import nn

from ml.models import load_network
from ml.networks.build import NetworkSpec, load_pretrained, read_network
from ml.networks.unet import UNet, UNetConfig, group_count

SMALL = {"widths": [4, 6, 8]}


def build(**options: Any) -> nn.Module:
    torch.manual_seed(0)
    return read_network(options).build()


def parameters(network: nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())


# The U-Net


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
    network = build(**SMALL).eval()
    with torch.inference_mode():
        assert network(torch.zeros(batch, 3, *size)).shape == (batch, 1, *size)


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_any_depth_works_odd_or_even(levels: int) -> None:
    config = UNetConfig(in_channels=2, out_channels=4, widths=(3, 5, 7, 9)[:levels])
    with torch.inference_mode():
        logits = UNet(config).eval()(torch.zeros(1, 2, config.stride, 3 * config.stride))
    assert logits.shape == (1, 4, config.stride, 3 * config.stride)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("upsampling", ["bilinear", "transposed"])
@pytest.mark.parametrize("normalisation", ["batch", "instance", "group", "none"])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_every_form_of_the_u_net_reads_and_learns(
    dimensions: int, normalisation: str, upsampling: str, residual: bool
) -> None:
    network = build(
        widths=[4, 12],
        dimensions=dimensions,
        normalisation=normalisation,
        upsampling=upsampling,
        residual=residual,
        dropout=0.2,
    )
    images = torch.randn(2, 3, *(4, 6, 8)[-dimensions:])

    logits = network(images)
    logits.square().mean().backward()

    assert logits.shape == (2, 1, *images.shape[2:])
    assert all(torch.isfinite(value.grad).all() for value in network.parameters())


def test_each_option_changes_what_the_network_is_made_of() -> None:
    plain = {name for name, _ in build(**SMALL).named_parameters()}

    transposed = build(**SMALL, upsampling="transposed")
    assert sum(isinstance(part, nn.ConvTranspose2d) for part in transposed.modules()) == 2
    residual = {name for name, _ in build(**SMALL, residual=True).named_parameters()}
    assert sum("shortcut" in name for name in residual - plain) == 5
    norms = {"batch": nn.BatchNorm2d, "instance": nn.InstanceNorm2d, "group": nn.GroupNorm}
    for name, kind in norms.items():
        found = build(**SMALL, normalisation=name)
        assert sum(isinstance(part, kind) for part in found.modules()) == 10
    volumes = build(**SMALL, dimensions=3)
    assert not any(isinstance(part, nn.Conv2d) for part in volumes.modules())


def test_a_residual_block_passes_its_input_on() -> None:
    network = build(widths=[4], residual=True)
    block = network.encoder[0]
    with torch.no_grad():
        for value in block.body.parameters():
            value.zero_()
    images = torch.randn(1, 3, 6, 6)
    torch.testing.assert_close(block(images), torch.relu(block.shortcut(images)))


def test_dropout_is_for_training_only() -> None:
    network, images = build(**SMALL, dropout=0.5), torch.randn(1, 3, 16, 16)

    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


@pytest.mark.parametrize(("width", "groups"), [(4, 1), (8, 1), (16, 2), (28, 2), (44, 4), (64, 8)])
def test_channels_fall_into_equal_groups_whatever_their_number(width: int, groups: int) -> None:
    assert group_count(width) == groups


def test_the_textbook_u_net_has_as_many_weights_as_the_textbook_says() -> None:
    widths = (64, 128, 256, 512, 1024)
    # 3 x 3 kernels: each block has two, and two normalisations of two numbers per channel.
    blocks = [*zip((3, *widths), widths, strict=False)]
    blocks += [(below + skip, skip) for below, skip in zip(widths[1:], widths, strict=False)]
    expected = sum(9 * before * after + 9 * after * after + 4 * after for before, after in blocks)
    with torch.device("meta"):
        bilinear = build(widths=list(widths))
        transposed = build(widths=list(widths), upsampling="transposed")

    assert parameters(bilinear) == expected + 65 == 31_384_833
    # A transposed convolution is 2 x 2 and keeps the width, where the textbook's halves it.
    assert parameters(transposed) - parameters(bilinear) == sum(4 * w * w + w for w in widths[1:])


def test_the_weights_survive_a_round_trip_through_safetensors(tmp_path: Path) -> None:
    network = build(**SMALL)
    network(torch.randn(2, 3, 16, 16))
    network.eval()
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(state, tmp_path / "weights.safetensors")

    again = load_network(NetworkSpec("unet", SMALL), tmp_path / "weights.safetensors")

    images = torch.randn(1, 3, 16, 24)
    with torch.inference_mode():
        torch.testing.assert_close(again(images), network(images))
    assert not again.training
    assert load_file(tmp_path / "weights.safetensors").keys() == network.state_dict().keys()


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file(dict(build(**SMALL).state_dict()), tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match="does not hold the weights"):
        load_network(NetworkSpec("unet", {"widths": (4, 6)}), tmp_path / "weights.safetensors")


def test_a_slice_is_read_the_same_alone_and_in_a_batch() -> None:
    network, images = build(**SMALL).eval(), torch.randn(3, 3, 8, 8)
    with torch.inference_mode():
        together = network(images)
        torch.testing.assert_close(network(images[1:2]), together[1:2], atol=1e-5, rtol=1e-4)


# From a table


def test_a_table_without_a_kind_is_a_u_net() -> None:
    spec = read_network({"in_channels": 1, "widths": [4, 8]})

    assert (spec.kind, spec.in_channels, spec.dimensions, spec.stride) == ("unet", 1, 2, 2)
    assert isinstance(spec.build(), UNet)


@pytest.mark.parametrize(
    "table",
    [
        {"widths": [4, 8], "dimensions": 3, "residual": True},
        {"kind": "encoder_unet", "encoder": "vgg16", "widths": [8, 8, 4, 4]},
        {"kind": "monai", "name": "UNet", "channels": [4, 8], "strides": [2], "stride": 2},
    ],
)
def test_a_table_is_written_as_it_was_read(table: dict[str, Any]) -> None:
    spec = read_network(table)
    assert read_network(spec.as_table()) == spec


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"kind": "resnet"}, "kind is one of unet, encoder_unet, classifier, monai, not 'resnet'"),
        ({"width": [4, 8]}, r"\[network\] has keys that mean nothing: width"),
        ({"widths": []}, "at least one width"),
        ({"normalisation": "layer"}, "normalisation is one of batch, instance, group, none"),
        ({"upsampling": "nearest"}, "upsampling is one of bilinear, transposed"),
        ({"dimensions": 4}, "2 or 3 dimensions, not 4"),
        ({"dropout": 1.5}, "dropout"),
        ({"kind": "encoder_unet", "encoder": "resnet18"}, "an encoder is one of efficientnet-lite"),
        ({"kind": "encoder_unet", "widths": [8, 4]}, "decoder over efficientnet-lite0 has 5 widt"),
        ({"kind": "encoder_unet", "dropout": 0.1}, "keys that mean nothing: dropout"),
        ({"kind": "monai", "name": "Nothing"}, "monai.networks.nets has no network 'Nothing'"),
        ({"kind": "monai", "name": "np"}, "has no network 'np'"),
        ({"kind": "monai"}, "has no network ''"),
        ({"kind": "monai", "name": "BasicUNet", "depth": 3}, "unexpected keyword argument 'depth'"),
    ],
)
def test_a_table_that_means_nothing_is_refused_in_plain_words(
    table: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_network(table).build()


# MONAI's


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("BasicUNet", {"features": [4, 4, 8, 8, 8, 4]}),
        ("UNet", {"channels": [4, 8, 8], "strides": [2, 2], "stride": 4}),
        ("SegResNet", {"init_filters": 8, "stride": 8}),
    ],
)
@pytest.mark.parametrize("dimensions", [2, 3])
def test_monais_networks_are_built_by_name_as_ours_are(
    name: str, options: dict[str, Any], dimensions: int
) -> None:
    spec = read_network({"kind": "monai", "name": name, "spatial_dims": dimensions, **options})
    images = torch.randn(1, 3, *[32] * dimensions)

    network = spec.build().eval()

    assert type(network) is getattr(nets, name)
    assert spec.dimensions == dimensions
    with torch.inference_mode():
        assert network(images).shape == (1, 1, *images.shape[2:])


def test_what_is_left_out_of_a_monai_network_is_as_in_ours_and_not_as_in_monai() -> None:
    spec = read_network({"kind": "monai", "name": "BasicUNet", "features": [4, 4, 8, 8, 8, 4]})

    assert (spec.in_channels, spec.dimensions, spec.stride) == (3, 2, 16)
    with torch.inference_mode():
        assert spec.build().eval()(torch.zeros(1, 3, 32, 16)).shape == (1, 1, 32, 16)


def test_only_an_encoder_can_be_given_imagenet_weights() -> None:
    with pytest.raises(ValueError, match="only networks of kind encoder_unet"):
        load_pretrained(build(**SMALL), "package")
