"""The few parts of the ONNX file format that a graph of ours needs, written by hand.

Source: onnx.proto3 of ONNX; field numbers beside each message below.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

IR_VERSION: Final = 9
OPSET: Final = 17
MICROSOFT: Final = "com.microsoft"
"""The domain of operators that come with the runtime."""
_FLOAT, _INT = 1, 2
_KINDS: Final[Mapping[str, int]] = {"float32": 1, "uint8": 2, "int8": 3, "int64": 7}

Array = npt.NDArray[Any]


@dataclass(slots=True)
class OnnxGraph:
    """A graph under construction: one input and one output of float32, both ``[1, length, width]``."""

    nodes: list[bytes] = field(default_factory=list)
    tensors: list[bytes] = field(default_factory=list)

    def constant(self, name: str, value: Array) -> str:
        """Add a constant; its name."""
        dims = b"".join(_int(1, size) for size in value.shape)
        kind = _int(2, _KINDS[value.dtype.name])
        raw = _bytes(9, np.ascontiguousarray(value).tobytes())
        self.tensors.append(_bytes(5, dims + kind + _text(8, name) + raw))
        return name

    def node(
        self,
        operator: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        *,
        domain: str = "",
        **attributes: float | int,
    ) -> str:
        """Add an operation; the name of its first output."""
        body = b"".join(_text(1, name) for name in inputs) + b"".join(_text(2, name) for name in outputs)
        body += _text(4, operator) + b"".join(_attribute(*pair) for pair in attributes.items())
        self.nodes.append(_bytes(1, body + (_text(7, domain) if domain else b"")))
        return outputs[0]

    def model(self, given: str, result: str, width: int) -> bytes:
        """The file's bytes."""
        graph = b"".join(self.nodes) + _text(2, "text") + b"".join(self.tensors)
        graph += _bytes(11, _value(given, width)) + _bytes(12, _value(result, width))
        opsets = _bytes(8, _text(1, "") + _int(2, OPSET)) + _bytes(8, _text(1, MICROSOFT) + _int(2, 1))
        return _int(1, IR_VERSION) + _text(2, "leadgraph") + _bytes(7, graph) + opsets


def _attribute(name: str, value: float) -> bytes:
    if isinstance(value, int):
        return _bytes(5, _text(1, name) + _int(3, value) + _int(20, _INT))
    raw = np.float32(value).tobytes()
    return _bytes(5, _text(1, name) + _key(2, 5) + raw + _int(20, _FLOAT))


def _value(name: str, width: int) -> bytes:
    sizes = (_int(1, 1), _text(2, "length"), _int(1, width))
    shape = b"".join(_bytes(1, size) for size in sizes)
    return _text(1, name) + _bytes(2, _bytes(1, _int(1, _KINDS["float32"]) + _bytes(2, shape)))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _key(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _int(number: int, value: int) -> bytes:
    return _key(number, 0) + _varint(value)


def _bytes(number: int, value: bytes) -> bytes:
    return _key(number, 2) + _varint(len(value)) + value


def _text(number: int, value: str) -> bytes:
    return _bytes(number, value.encode())
