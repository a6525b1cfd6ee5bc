"""A network as an ONNX model, weights inside, the batch left open: made here, channels first, or by mien's export."""
import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


def model_of(network):
    """The model's bytes, or the path of its file: a runtime that is given bytes has a large network in memory twice."""
    return str(network.onnx) if network.keras_name else make_model(network).SerializeToString()


def pictures(network, images):
    """The pictures as the model takes them."""
    return images.copy() if network.keras_name else images.transpose(0, 3, 1, 2).copy()


def make_model(network):
    nodes, weights = [], []

    def weight(name, values):
        weights.append(numpy_helper.from_array(numpy.ascontiguousarray(values), name))
        return name

    for layer in network.layers[1:]:
        name, kind, inputs = layer["name"], layer["kind"], list(layer["inputs"])
        linear = layer["activation"] == "linear"
        y = name if linear else name + ".linear"
        if kind in ("conv2d", "depthwise_conv2d"):
            kernel = network.weight(layer, "kernel").transpose((3, 2, 0, 1) if kind == "conv2d" else (2, 3, 0, 1))
            inputs.append(weight(name + ".kernel", kernel))
            if layer["bias"]:
                inputs.append(weight(name + ".bias", network.weight(layer, "bias")))
            nodes.append(helper.make_node("Conv", inputs, [y], name, kernel_shape=[layer["kernel"]] * 2,
                                          strides=[layer["stride"]] * 2, pads=[layer["padding"]] * 4,
                                          group=1 if kind == "conv2d" else network.input_shape(layer)[2]))
        elif kind == "batch_normalization":
            inputs += [weight(f"{name}.{part}", network.weight(layer, part))
                       for part in ("gamma", "beta", "moving_mean", "moving_variance")]
            nodes.append(helper.make_node("BatchNormalization", inputs, [y], name, epsilon=1e-3))
        elif kind == "activation":
            y = inputs[0]
        elif kind == "max_pool2d":
            nodes.append(helper.make_node("MaxPool", inputs, [y], name, kernel_shape=[layer["kernel"]] * 2,
                                          strides=[layer["stride"]] * 2,
                                          auto_pad="SAME_UPPER" if layer["same"] else "VALID"))
        elif kind == "global_average_pool2d":
            nodes.append(helper.make_node("GlobalAveragePool", inputs, [name + ".mean"], name + ".mean"))
            nodes.append(helper.make_node("Flatten", [name + ".mean"], [y], name))
        elif kind == "add":
            nodes.append(helper.make_node("Add", inputs, [y], name))
        elif kind == "flatten":
            nodes.append(helper.make_node("Flatten", inputs, [y], name))
        else:
            inputs += [weight(name + ".kernel", network.channels_first_dense(layer)),
                       weight(name + ".bias", network.weight(layer, "bias"))]
            nodes.append(helper.make_node("Gemm", inputs, [y], name))
        if layer["activation"] == "relu":
            nodes.append(helper.make_node("Relu", [y], [name], name + ".relu"))
        elif layer["activation"] == "relu6":
            limits = [weight(f"{name}.{what}", numpy.float32(value)) for what, value in (("low", 0), ("high", 6))]
            nodes.append(helper.make_node("Clip", [y, *limits], [name], name + ".relu6"))
    side = network.size
    graph = helper.make_graph(
        nodes, network.name,
        [helper.make_tensor_value_info(network.layers[0]["name"], TensorProto.FLOAT, ["batch", network.channels, side, side])],
        [helper.make_tensor_value_info(network.layers[-1]["name"], TensorProto.FLOAT, ["batch", network.classes])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model
