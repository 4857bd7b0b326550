"""torch tensors: as arrays where they are plain ones in this machine's memory, else by what is known without reading.

A tensor on a device is never copied or waited for. A tensor of a subclass, or under a mode that watches operations
(fake tensors, tracing), is not read: reading it would run the mode.
"""

import sys
from typing import Any

from recorder.typenames import class_of, type_name_of
from recorder.values.copying import Copy, Shape
from recorder.values.libraries.arrays import describe_array
from recorder.values.standard import as_text

__all__ = ["shape_of"]


def shape_of(cls: type[Any], torch: Any) -> Shape | None:
    """How tensors are copied."""
    if issubclass(cls, torch.Tensor):
        return lambda copy, value: _tensor(copy, value, torch)
    if cls is torch.dtype or cls is torch.device:
        return as_text
    return None


def _tensor(copy: Copy, value: Any, torch: Any) -> Any:
    with torch._C.DisableTorchFunction():  # noqa: SLF001 - subclasses and modes would be asked, even for a shape
        facts = _known(value, torch)
        array = _in_memory(value, torch)
        shape = [size if type(size) is int else None for size in torch.Tensor.size(value)]  # None: symbolic
    if array is None:
        copy.room -= 120
        copy.leave_out("the elements of a tensor that is not plain memory")
        return {**facts, "shape": shape}
    copy.sizes[id(value)] = array.nbytes
    return describe_array(copy, facts, array, sys.modules["numpy"])


def _known(value: Any, torch: Any) -> dict[str, Any]:
    base = torch._C.TensorBase  # noqa: SLF001 - as above
    facts = {
        "$type": type_name_of(value),
        "dtype": str(base.dtype.__get__(value)),
        "device": str(base.device.__get__(value)),
    }
    return {**facts, "requires_grad": True} if base.requires_grad.__get__(value) else facts


def _in_memory(value: Any, torch: Any) -> Any:
    """A numpy array over the same memory, or None."""
    is_plain = class_of(value) is torch.Tensor or class_of(value) is torch.nn.Parameter
    if not is_plain or torch._C._len_torch_dispatch_stack() or "numpy" not in sys.modules:  # noqa: SLF001 - no public one
        return None
    if value.device.type != "cpu" or value.layout is not torch.strided or value.is_conj() or value.is_neg():
        return None
    try:
        return value.detach().numpy()
    except (TypeError, RuntimeError):  # a dtype that numpy has not, such as bfloat16
        return None
