"""A device beside the processor, on machines that have none: what a GPU would refuse is refused.

Tensors on it keep their numbers on the processor and say that they are on `DEVICE`; an operation computes there what it would compute
here. Refused are tensors of two devices in one operation, `numpy()` of a tensor that was not copied back, and random numbers drawn on the
device, since a seed gives others there. What raises on a GPU is told by this; which numbers a GPU gives is not.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

KIND = "pretended"
DEVICE = f"{KIND}:0"


INDEXING = ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_")
"""Indices may lie on the processor, whatever they index."""
COPIES = ("aten::copy_", "aten::_to_copy", "aten::copy")


class OnDevice(Tensor):
    """A tensor on the device; `held` are its numbers."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "OnDevice":
        made: OnDevice = Tensor._make_wrapper_subclass(
            cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype, device=DEVICE
        )
        made.held = held
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, op: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        return computed(op, args, kwargs or {})

    def tolist(self) -> Any:
        """Copied back, as lists."""
        return self.held.tolist()

    def numpy(self, *, force: bool = False) -> Any:
        """Copied back if told so."""
        if not force:
            raise TypeError(f"can't convert {DEVICE} device type tensor to numpy. Use Tensor.cpu() first.")
        return self.held.numpy(force=True)

    def __format__(self, form: str) -> str:
        return format(self.held, form)

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"OnDevice({self.held!r})"


class _Watching(TorchDispatchMode):
    """Sees the operations that make tensors from none."""

    def __torch_dispatch__(self, op: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        return computed(op, args, kwargs or {})


def computed(op: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What an operation gives, and where.

    Raises:
        RuntimeError: A GPU would refuse it, or draw other numbers than the processor.
    """
    given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    there = [tensor for tensor in given if isinstance(tensor, OnDevice)]
    _refuse_mixture(op, args, given, there)
    asked = kwargs.get("device")
    on_device = bool(there) if asked is None else torch.device(asked).type == KIND
    if on_device and torch.Tag.nondeterministic_seeded in op.tags:
        raise RuntimeError(f"{op} draws random numbers on {DEVICE}; draw them on the processor.")
    wrapper = {id(tensor.held): tensor for tensor in there}
    plain_args, plain = tree_map(lambda leaf: leaf.held if isinstance(leaf, OnDevice) else leaf, (tuple(args), dict(kwargs)))
    result = op(*plain_args, **plain | ({"device": "cpu"} if asked is not None and on_device else {}))

    def placed(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        if id(leaf) in wrapper:  # changed in place
            return wrapper[id(leaf)]
        return OnDevice(leaf) if on_device else leaf

    return tree_map(placed, result)


def _refuse_mixture(op: Any, args: Sequence[Any], given: Sequence[Tensor], there: Sequence[Tensor]) -> None:
    """Single numbers may lie on the processor, and so may indices."""
    name = op._schema.name
    if name in COPIES or not there:
        return
    strangers = [tensor for tensor in given if not isinstance(tensor, OnDevice) and tensor.dim()]
    if name in INDEXING and isinstance(args[0], OnDevice):
        strangers = [tensor for tensor in strangers if not any(tensor is index for index in args[1])]
    elif name in INDEXING and any(isinstance(index, OnDevice) for index in args[1]):
        strangers = [args[0]]
    if strangers:
        raise RuntimeError(f"Expected all tensors to be on the same device: {op} got one on {DEVICE} and one on cpu.")


class _Module(_DummyBackendModule):
    """What torch asks of a device as a whole; it has no random numbers of its own."""

    def get_rng_state(self, device: Any = None) -> Tensor:
        return torch.empty(0)

    def set_rng_state(self, state: Tensor, device: Any = None) -> None: ...


_register = cache(lambda: _setup_privateuseone_for_python_backend(KIND, _Module()))


@contextmanager
def pretended_device() -> Iterator[str]:
    """Within, there is a device of the name that is given."""
    _register()
    before = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)
    try:
        with _Watching(), torch.autograd.set_multithreading_enabled(False):  # it has no thread for a device that came late
            yield DEVICE
    finally:
        torch._C._set_only_lift_cpu_tensors(before)
