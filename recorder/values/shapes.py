r"""Which JSON a value becomes, by its class; the table is the contract with whoever reads values back.

As they are: None, bool, int, float, str and their subclasses; list and tuple as array, dict with text keys as object.
Everything else is an object whose ``$type`` says what it was; a user's own key that begins with ``$`` gets one more.

=================================  ===========================================================================
int beyond 64 bits                 ``{"$type": "int", "value": "123…"}``, beyond 4,096 bits ``"bits": n``
NaN, infinities                    ``{"$type": "float", "value": "nan"}``, ``"inf"``, ``"-inf"``
text with lone surrogates          ``{"$type": "str", "value": "…\udc80…"}``, the surrogates backslash-escaped
long base64 of an image or         ``{"$type": "base64", "media": "image/png", "width", "height", "size", "digest"}``
document, also as data URL
bytes, bytearray, memoryview       ``{"$type": "bytes", "size": n, "base64": "…"}``, known media as above; over 1 KiB
                                   the first 48 bytes and ``"digest"``, of the first ``"digest_bytes"`` where not all
set, frozenset                     ``{"$type": "set", "items": […]}``, in a stable order
deque, views of a dict, slice      ``{"$type": "collections.deque", "items": […]}``
dict with other keys than text     ``{"$type": "dict", "items": [[key, value], …]}``
dataclass, Struct, attrs class,    ``{"$type": "app.Doc", "title": …, "body": …}``; models of LLM SDKs without the
pydantic model, named tuple,       fields that are None or empty by default
SimpleNamespace
enum member                        ``{"$type": "app.Color", "name": "RED", "value": 1}``
exception                          ``{"$type": "ValueError", "args": […]}``
datetime, date, time               ``{"$type": "datetime.datetime", "value": "2026-01-31T12:00:00+00:00"}``
timedelta                          ``{"$type": "datetime.timedelta", "seconds": 1.5}``
UUID, Decimal, Fraction, Path,     ``{"$type": "uuid.UUID", "value": "…"}``
complex, range, IP addresses, time
zones, ``list[int]``
class, module                      ``{"$type": "type", "name": "app.Doc"}``
numpy array, torch tensor          dtype, shape, min, max, mean, nan, ``"values"`` or ``"head"``; see ``libraries``
pandas, polars, Arrow              shape, columns or dtype, nulls, head; see ``libraries``
image of Pillow                    mode, width, height, format, digest
a container inside itself          ``{"$ref": "../.."}``: the container two levels up
a container beyond depth 32        ``{"$type": "list", "$omitted": "depth"}``
function, coroutine, generator     ``{"$type": "function", "preview": {"name": "app.embed"}}``
anything else                      ``{"$type": "app.Thing", "preview": {…}}``: its attributes that are scalars
=================================  ===========================================================================

No method of the user's is called: fields are read from instance dicts and slots, built-ins through their own type.
"""

from enum import Enum
from typing import Any

from recorder.values.binary import encoded_media
from recorder.values.copying import Shape
from recorder.values.libraries import library_shape
from recorder.values.records import record_shape
from recorder.values.standard import enum_shape, standard_shape

__all__ = ["shape_of"]


def shape_of(cls: type[Any]) -> Shape:
    """How values of this class are copied."""
    if cls is str:
        return encoded_media
    if issubclass(cls, Enum):
        return enum_shape(cls)
    return record_shape(cls) or library_shape(cls) or standard_shape(cls)
