"""What is written by hand is read back by the `onnx` package."""

import numpy as np
import onnx
from onnx import numpy_helper

from chains.providers import onnx_model


def written() -> onnx.ModelProto:
    nodes = [
        onnx_model.node("LayerNormalization", ["x", "gain"], ["y"], axis=-1, epsilon=1e-12),
        onnx_model.node("QAttention", ["y", "", "gain"], ["z"], "com.microsoft", num_heads=12),
    ]
    tensors = [onnx_model.tensor("gain", np.arange(300, dtype=np.float32).reshape(2, 150))]
    shape = (1, "tokens", 384)
    model = onnx_model.model(nodes, tensors, onnx_model.floats("x", shape), onnx_model.floats("z", shape))
    return onnx.load_from_string(model)


def test_model_has_its_versions() -> None:
    model = written()
    assert model.ir_version == onnx_model.IR_VERSION
    assert {opset.domain: opset.version for opset in model.opset_import} == {"": 20, "com.microsoft": 1}


def test_node_keeps_inputs_and_attributes() -> None:
    normalise, attend = written().graph.node
    attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in normalise.attribute}
    assert attributes["axis"] == -1
    assert np.isclose(attributes["epsilon"], 1e-12)
    assert (list(attend.input), attend.domain) == (["y", "", "gain"], "com.microsoft")


def test_tensor_keeps_its_values() -> None:
    (gain,) = written().graph.initializer
    assert np.array_equal(numpy_helper.to_array(gain), np.arange(300, dtype=np.float32).reshape(2, 150))


def test_tensor_of_transposed_int8_keeps_its_order() -> None:
    values = np.array([[1, -2, 3], [-4, 5, -128]], dtype=np.int8).T
    read = onnx.TensorProto.FromString(onnx_model.tensor("w", values))
    assert np.array_equal(numpy_helper.to_array(read), values)


def test_floats_have_named_and_fixed_sizes() -> None:
    (source,) = written().graph.input
    sizes = [size.dim_param or size.dim_value for size in source.type.tensor_type.shape.dim]
    assert sizes == [1, "tokens", 384]
