"""The learning rate as a function of the step, and the optimisers and averages that go with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ml.training.averaging import average_weights, start_average
from ml.training.schedules import OptimiserConfig, Schedule, ScheduleConfig, build_optimiser


def schedule(name: str, *, total: int = 100, **config: float) -> Schedule:
    return Schedule(ScheduleConfig(name=name, **config), learning_rate=0.2, total_steps=total)


def test_a_cosine_warms_up_and_falls_to_nothing() -> None:
    cosine = schedule("cosine", warmup_steps=10)
    rates = [cosine.rate_at(step) / 0.2 for step in range(101)]

    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == 1.0
    assert rates[55] == pytest.approx(0.5)
    assert rates[99] < 0.001
    assert rates[100] == pytest.approx(0)
    assert (np.diff(rates)[:9] > 0).all()
    assert (np.diff(rates)[10:] < 0).all()


def test_a_cosine_stays_at_nothing_after_the_end() -> None:
    assert schedule("cosine", warmup_steps=10).rate_at(500) == 0
    assert schedule("cosine", total=0).rate_at(0) == 0.2


def test_a_constant_rate_only_warms_up_and_does_not_heed_validation() -> None:
    constant = schedule("constant", warmup_steps=4, patience=0)
    for _ in range(5):
        constant.note_validation(0.1)

    assert [constant.rate_at(step) for step in (0, 1, 3, 4, 5000)] == pytest.approx(
        [0.05, 0.1, 0.2, 0.2, 0.2]
    )


def test_a_plateau_lowers_the_rate_after_its_patience_and_again_after_as_long() -> None:
    plateau = schedule("plateau", factor=0.5, patience=2)
    rates = []
    for score in (0.3, 0.5, 0.5, 0.4, 0.4, 0.4, 0.4, 0.49):
        plateau.note_validation(score)
        rates.append(plateau.rate_at(1000) / 0.2)

    assert rates == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_a_plateau_keeps_the_rate_as_long_as_validation_gets_better() -> None:
    plateau = schedule("plateau", patience=0)
    for score in np.linspace(0.1, 0.9, 20):
        plateau.note_validation(float(score))
    assert plateau.rate_at(0) == 0.2


def test_a_plateau_goes_on_from_its_state() -> None:
    one, two = schedule("plateau", patience=2), schedule("plateau", patience=2)
    for score in (0.5, 0.1, 0.1):
        one.note_validation(score)

    two.restore(one.state())
    for each in (one, two):
        each.note_validation(0.4)

    assert one == two
    assert two.share == 0.5


def test_unknown_names_are_refused_and_the_choice_is_told() -> None:
    with pytest.raises(ValueError, match="one of constant, cosine, plateau"):
        ScheduleConfig(name="step")
    with pytest.raises(ValueError, match="one of adam, adamw"):
        OptimiserConfig(name="sgd")


# The optimiser


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
def test_the_optimiser_is_the_one_named(name: str, kind: type) -> None:
    parameter = nn.Parameter(torch.ones(2))

    optimiser = build_optimiser(
        OptimiserConfig(name=name, learning_rate=0.3, weight_decay=0.1), [parameter]
    )

    assert type(optimiser) is kind
    assert optimiser.param_groups[0]["lr"] == 0.3
    assert optimiser.param_groups[0]["weight_decay"] == 0.1


def test_decay_is_decoupled_from_the_gradient_in_adamw_only() -> None:
    after = {}
    for name in ("adam", "adamw"):
        parameter = nn.Parameter(torch.full((1,), 2.0))
        parameter.grad = torch.zeros(1)
        build_optimiser(
            OptimiserConfig(name=name, learning_rate=0.1, weight_decay=0.5), [parameter]
        ).step()
        after[name] = float(parameter.detach())

    # AdamW shrinks by rate x decay; Adam turns the decay into a gradient and steps by the rate.
    assert after["adamw"] == pytest.approx(2.0 * (1 - 0.1 * 0.5))
    assert after["adam"] == pytest.approx(2.0 - 0.1)


# The average of the weights


def test_the_average_follows_closely_at_first_and_slowly_later() -> None:
    update = average_weights(0.99)
    steps = {}
    for count in (0, 10, 10_000):
        mean = torch.zeros(2)
        update([mean], [torch.ones(2)], count)
        steps[count] = float(mean[0])

    assert steps[0] == pytest.approx(0.9)
    assert steps[10] == pytest.approx(1 - 11 / 20)
    assert steps[10_000] == pytest.approx(0.01, rel=1e-4)


def test_the_average_copies_counters() -> None:
    mean = torch.tensor(3)
    average_weights(0.99)([mean], [torch.tensor(8)], torch.tensor(5))
    assert mean == 8


def test_without_decay_the_average_is_the_network_itself_batch_statistics_included() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    average = start_average(network, 0.0)
    for _ in range(3):
        network(torch.randn(2, 1, 8, 8)).mean().backward()
        with torch.no_grad():
            for value in network.parameters():
                value.add_(torch.randn_like(value))
        average.update_parameters(network)

    for name, value in network.state_dict().items():
        assert torch.equal(average.module.state_dict()[name], value), name


def test_with_decay_the_average_lies_between_the_weights_it_has_seen() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = start_average(network, 0.5)
    for value in (0.0, 1.0, 2.0):
        with torch.no_grad():
            network.weight.fill_(value)
        average.update_parameters(network)

    # Copied at 0; then 2 / 11 and 3 / 12 of the average stay.
    first = 1 - 2 / 11
    assert float(average.module.weight.detach()) == pytest.approx(first / 4 + 2 * 3 / 4)
