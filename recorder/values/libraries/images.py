"""Pillow images: mode and size as the object holds them, and a digest of pixels in memory; no file is read."""

from typing import Any, Final

from recorder.typenames import class_of, module_name, type_name
from recorder.values.binary import digest_of
from recorder.values.copying import Copy, Shape
from recorder.values.records import attributes_of, mro, namespace_of

__all__ = ["shape_of"]

_PIXEL_BYTES: Final = {"I": 4, "F": 4, "I;16": 2}


def shape_of(cls: type[Any], _: Any) -> Shape | None:
    """How images are copied."""
    if any(type_name(base) == "PIL.Image.Image" for base in mro(cls)):
        return _image
    return None


def _image(copy: Copy, value: Any) -> Any:
    cls = class_of(value)
    attributes = attributes_of(value, cls)
    dimensions: Any = attributes["_size"]
    width, height = dimensions
    mode: Any = attributes.get("_mode")
    facts: dict[str, Any] = {"$type": type_name(cls), "mode": mode, "width": width, "height": height}
    if file_format := _format(attributes, cls):
        facts["format"] = file_format
    copy.room -= 120
    copy.leave_out("the pixels of an image")
    size: int = width * height * _PIXEL_BYTES.get(mode, len(mode))
    if module_name(cls).startswith("PIL.") and attributes.get("_im") is not None and copy.reads_all(size):
        facts.update(digest_of(value.tobytes(), size))
    return facts


def _format(attributes: dict[str, Any], cls: type[Any]) -> str | None:
    """What kind of file it came from."""
    found = next((one for base in mro(cls) if type(one := namespace_of(base).get("format")) is str), None)
    return attributes.get("format", found)
