import pytest
import torch

from unisign.engine import StepCosineLR


def rates(steps, **arguments):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    scheduler, used = StepCosineLR(optimizer, **arguments), []
    for _ in range(steps):
        used.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        scheduler.step()
    return used, optimizer.param_groups[0]['lr']


def test_cosine_to_zero_without_warm_up():
    used, after = rates(4, end=4)
    assert used == pytest.approx([2.0, 2 * 0.8535534, 1.0, 2 * 0.1464466])
    assert after == pytest.approx(0.0, abs=1e-12)


def test_warm_up_then_cosine():
    used, after = rates(4, end=4, warmup_steps=2)
    assert used == pytest.approx([1.0, 2.0, 2.0, 1.0])
    assert after == pytest.approx(0.0, abs=1e-12)


def test_a_warm_up_as_long_as_the_run_is_refused():
    with pytest.raises(ValueError, match='below the 4 optimizer steps, got 4'):
        rates(1, end=4, warmup_steps=4)


def test_state_restores_the_schedule():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    scheduler = StepCosineLR(optimizer, end=4)
    state = dict(StepCosineLR(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0), end=4).state_dict())
    for _ in range(2):
        optimizer.step()
        scheduler.step()
    scheduler.load_state_dict(state)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]['lr'] == pytest.approx(2 * 0.8535534)
