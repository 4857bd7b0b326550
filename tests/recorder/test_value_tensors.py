"""Tensors, where torch is installed: `pip install torch` is too much for the development extra."""

import json

import pytest

from recorder.redaction import Redaction
from recorder.values import Capture

torch = pytest.importorskip("torch", reason="torch is not part of the development extra")

CAPTURE = Capture(redaction=Redaction())


class Assault(BaseException):
    """What overridden methods below do."""


def stored(value):
    (found,) = CAPTURE.entries({"value": value})
    return json.loads(found.data)


def test_a_tensor_in_memory_is_told_as_an_array():
    assert stored(torch.nn.Parameter(torch.tensor([1.0, 2.0]))) == {
        "$type": "torch.nn.parameter.Parameter",
        "dtype": "torch.float32",
        "device": "cpu",
        "requires_grad": True,
        "shape": [2],
        "min": 1.0,
        "max": 2.0,
        "mean": 1.5,
        "nan": 0,
        "values": [1.0, 2.0],
    }
    assert stored(torch.zeros(1 << 28))["sampled"] == 32_768


@pytest.mark.parametrize(
    "make", [lambda: torch.empty(3, device="meta"), lambda: torch.ones(3, dtype=torch.bfloat16)], ids=["meta", "bf16"]
)
def test_a_tensor_that_is_not_plain_memory_is_told_by_what_is_known(make):
    assert sorted(stored(make())) == ["$type", "device", "dtype", "shape"]


def test_neither_a_subclass_nor_a_mode_is_asked():
    from torch.overrides import TorchFunctionMode
    from torch.utils._python_dispatch import TorchDispatchMode

    class Own(torch.Tensor):
        @classmethod
        def __torch_function__(cls, *_, **__):
            raise Assault

    class Watching(TorchFunctionMode):
        def __torch_function__(self, *_, **__):
            raise Assault

    class Dispatching(TorchDispatchMode):
        def __torch_dispatch__(self, *_, **__):
            raise Assault

    plain = torch.ones(3)
    assert stored(torch.Tensor._make_subclass(Own, plain))["shape"] == [3]
    with Watching():
        assert stored(plain)["values"] == [1.0, 1.0, 1.0]
    with Dispatching():
        assert stored(plain)["shape"] == [3]
