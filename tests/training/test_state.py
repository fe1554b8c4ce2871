from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch
from tests import warm_python

from robustmel.errors import MissingError
from robustmel.training.state import STATE, State, optimizer_state, optimizer_tensors, read_state, write_state


def state(epoch: int) -> State:
    return State(
        {"recipe": {"seed": 1}},
        epoch,
        1,
        [{"loss": 0.1, "number": 1}],
        {"model/a": torch.rand(3), "optimizer/0/step": torch.tensor(4.0)},
    )


def test_a_state_comes_back_bit_for_bit(tmp_path: Path) -> None:
    written = state(1)
    write_state(tmp_path / "out", written)
    back = read_state(tmp_path / "out")
    assert back is not None
    assert (back.identity, back.epoch, back.best_epoch, back.history) == (written.identity, 1, 1, written.history)
    assert back.tensors.keys() == written.tensors.keys()
    assert all(torch.equal(back.tensors[name], value) for name, value in written.tensors.items())
    assert [path.name for path in (tmp_path / "out").iterdir()] == [STATE]


def test_no_state_is_none(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None


@pytest.mark.parametrize("kept", [0, 5, 60, -1])
def test_a_torn_state_is_refused_and_named(tmp_path: Path, kept: int) -> None:
    write_state(tmp_path, state(1))
    whole = (tmp_path / STATE).read_bytes()
    (tmp_path / STATE).write_bytes(whole[:kept])
    with pytest.raises(MissingError, match=STATE):
        read_state(tmp_path)


def test_a_kill_in_mid_write_leaves_the_state_before(tmp_path: Path) -> None:
    write_state(tmp_path, state(1))
    code = f"""
import os, signal, torch
from pathlib import Path
from robustmel.training import state
def half(tensors, file, metadata):
    Path(file).write_bytes(b"0" * 40)
    os.kill(os.getpid(), signal.SIGKILL)
state.save_file = half
state.write_state(Path({str(tmp_path)!r}), state.State({{}}, 2, 2, [], {{"model/a": torch.zeros(3)}}))
"""
    done = warm_python.run(["-c", code])
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2  # the kill did come in mid-write
    back = read_state(tmp_path)
    assert back is not None
    assert back.epoch == 1


def test_an_optimizer_s_state_survives_flattening() -> None:
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    whole = optimizer.state_dict()
    back = optimizer_state(optimizer_tensors(whole), whole["param_groups"])
    assert back["state"].keys() == whole["state"].keys()
    for parameter, quantities in whole["state"].items():
        assert all(torch.equal(back["state"][parameter][name], value) for name, value in quantities.items())
