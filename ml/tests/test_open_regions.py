"""A source whose readers drew one region of several teaches that one, and blames for no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.datasets.cases import LabelledCase
from ml.datasets.regions import REGIONS
from ml.tests.training_factories import (
    labelled_case,
    tiny_config,
    tiny_network,
    tiny_source,
    write_patients,
)
from ml.training.config import Sampling, TrainingConfig
from ml.training.losses import LossConfig, build_loss
from ml.training.open_regions import OPEN, KnownOnly, open_target
from ml.training.sampling import SliceSampler
from ml.training.tasks import choose_task
from ml.training.validation import read_part

DRAWN = torch.tensor([[[1.0, 0.0]]])
IN, OUT = 1.0, 0.0


@pytest.mark.parametrize(
    ("taught", "inside", "outside"),
    [
        # Nobody knows which part of a whole tumour is core, but none of it is outside.
        ("whole", [IN, OPEN, OPEN], [OUT, OUT, OUT]),
        # A core lies in a whole tumour, whose oedema nobody drew.
        ("core", [IN, IN, OPEN], [OPEN, OUT, OUT]),
        ("enhancing", [IN, IN, IN], [OPEN, OPEN, OUT]),
    ],
)
def test_a_drawing_tells_what_holds_it_and_what_it_holds(
    taught: str, inside: list[float], outside: list[float]
) -> None:
    target = open_target(DRAWN, taught=REGIONS.index(taught), regions=3)
    assert target[:, 0, 0].tolist() == inside
    assert target[:, 0, 1].tolist() == outside


def test_where_nobody_drew_there_is_neither_blame_nor_gradient() -> None:
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    targets = torch.full((2, 3, 4, 4), OPEN)
    targets[:, 0] = (torch.rand(2, 4, 4) > 0.5).float()
    loss = KnownOnly(build_loss(LossConfig(name="bce_dice")))

    loss(logits, targets).backward()

    assert logits.grad is not None
    assert (logits.grad[:, 1:] == 0).all()
    assert (logits.grad[:, 0] != 0).all()
    changed = torch.where(targets < 0, logits.detach() + 5, logits.detach())
    assert loss(changed, targets) == loss(logits, targets)


def test_where_everything_is_drawn_the_loss_is_as_it_was() -> None:
    logits, targets = torch.randn(2, 3, 4, 4), (torch.rand(2, 3, 4, 4) > 0.5).float()
    plain = build_loss(LossConfig(name="bce_dice"))
    assert KnownOnly(plain)(logits, targets) == plain(logits, targets)


def config_of(*teaches: str, root: Path = Path("unread")) -> TrainingConfig:
    return tiny_config(
        root,
        sources=tuple(tiny_source(root, teaches=name, validate_on=()) for name in teaches),
        regions=REGIONS,
        network=tiny_network(out_channels=3),
        sampling=Sampling(tumour_share=1.0),
    )


def labelled(case: LabelledCase) -> LabelledCase:
    return replace(case, labels=np.where(case.mask, 4, 0).astype(np.uint8))


def test_a_sample_is_open_where_its_source_says_nothing() -> None:
    case = labelled_case(4, with_tumour=2)
    sampler = SliceSampler([[labelled(case)], [case]], config_of("", "whole"))
    seen = set()
    for number in range(40):
        _, target = sampler[number]
        values = tuple(sorted(set(target[1:].unique().tolist())))
        seen.add(values)
        assert target[0].any() and target[0].min() == 0
        if OPEN in values:
            assert torch.equal(target[1] < 0, target[0] > 0)
    assert seen == {(0.0, 1.0), (OPEN, 0.0)}


def test_such_a_run_is_blamed_only_for_what_is_known(tmp_path: Path) -> None:
    write_patients(tmp_path)
    assert isinstance(choose_task(config_of("whole", root=tmp_path), tmp_path).loss, KnownOnly)


def test_a_region_that_is_not_learnt_cannot_be_taught() -> None:
    with pytest.raises(ValueError, match="no region to teach is called 'cyst'"):
        config_of("cyst")


def test_such_a_source_validates_nobody() -> None:
    source = tiny_source(Path("unread"), teaches="whole", validate_on=("validation",))
    with pytest.raises(ValueError, match="validates nobody"):
        tiny_config(
            Path("unread"), sources=(source,), regions=REGIONS,
            network=tiny_network(out_channels=3),
        )  # fmt: skip


def test_a_source_may_be_read_in_part(tmp_path: Path) -> None:
    write_patients(tmp_path)
    source = tiny_source(tmp_path)
    (case,) = read_part(source, tmp_path, ("train",))
    assert [case.case] == [
        one.case for one in read_part(replace(source, only=case.case[:6]), tmp_path, ("train",))
    ]
    with pytest.raises(ValueError, match="does not hold these patients"):
        read_part(replace(source, only="glioma/"), tmp_path, ("train",))
