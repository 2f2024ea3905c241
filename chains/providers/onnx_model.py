"""Writes ONNX models: the few messages of onnx.proto3 that a graph needs, without the `onnx` package.

The field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3, which only ever adds fields.
A run-time dependency of 27 MB and a binary file in the repository are what this saves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

IR_VERSION = 9
OPSETS = {"": 20, "com.microsoft": 1}
FLOAT = 1
_TENSOR_TYPES = {"float32": FLOAT, "int8": 3, "int64": 7}
_ATTRIBUTE_FLOAT, _ATTRIBUTE_INT = 1, 2
_VARINT, _BYTES, _FIXED32 = 0, 2, 5


def tensor(name: str, values: NDArray[Any]) -> bytes:
    """A TensorProto with its values inside."""
    return b"".join(
        [
            *(_number(1, size) for size in values.shape),
            _number(2, _TENSOR_TYPES[values.dtype.name]),
            _text(8, name),
            _bytes(9, np.ascontiguousarray(values).tobytes()),
        ]
    )


def node(op: str, inputs: Sequence[str], outputs: Sequence[str], domain: str = "", **attributes: float) -> bytes:
    """A NodeProto. An input named "" is an optional one left out; attributes are whole or floating numbers."""
    return b"".join(
        [
            *(_text(1, name) for name in inputs),
            *(_text(2, name) for name in outputs),
            _text(4, op),
            *(_bytes(5, _attribute(name, value)) for name, value in attributes.items()),
            _text(7, domain),
        ]
    )


def floats(name: str, shape: Sequence[int | str]) -> bytes:
    """A ValueInfoProto of floats; a size given as a word is free."""
    sizes = b"".join(_bytes(1, _text(2, size) if isinstance(size, str) else _number(1, size)) for size in shape)
    tensor_type = _number(1, FLOAT) + _bytes(2, sizes)
    return _text(1, name) + _bytes(2, _bytes(1, tensor_type))


def model(nodes: Iterable[bytes], tensors: Iterable[bytes], source: bytes, target: bytes) -> bytes:
    """A ModelProto of one graph with one input and one output."""
    graph = b"".join(
        [
            *(_bytes(1, part) for part in nodes),
            _text(2, "docent"),
            *(_bytes(5, part) for part in tensors),
            _bytes(11, source),
            _bytes(12, target),
        ]
    )
    opsets = b"".join(_bytes(8, _text(1, domain) + _number(2, version)) for domain, version in OPSETS.items())
    return _number(1, IR_VERSION) + opsets + _bytes(7, graph)


def _attribute(name: str, value: float) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _ATTRIBUTE_INT)
    return _text(1, name) + _key(2, _FIXED32) + np.float32(value).tobytes() + _number(20, _ATTRIBUTE_FLOAT)


def _number(field: int, value: int) -> bytes:
    """Negative numbers as 64-bit two's complement, as protobuf's int64 has them."""
    return _key(field, _VARINT) + _varint(value % (1 << 64))


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(value)) + value


def _key(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _varint(value: int) -> bytes:
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)
