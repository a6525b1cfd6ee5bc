"""A network as bench_network describes it, its weights and its batches: what every peer builds from."""
import json
import pathlib

import numpy


def read_safetensors(path):
    """name → float32 array. They lie in the file, not in memory: a large network's would stand there once for each peer,
    and count for its peak."""
    data = numpy.memmap(path, "u1", "r")
    length = int.from_bytes(data[:8].tobytes(), "little")
    tensors = {}
    for name, entry in json.loads(data[8:8 + length].tobytes()).items():
        if name == "__metadata__":
            continue
        assert entry["dtype"] == "F32", f"{name} is {entry['dtype']}"
        begin, end = entry["data_offsets"]
        tensors[name] = data[8 + length + begin:8 + length + end].view("<f4").reshape(entry["shape"])
    return tensors


class Network:
    """The description, and for each layer the shape of its output (height, width, channels) or (values,)."""

    def __init__(self, description, weights):
        self.description = json.loads(pathlib.Path(description).read_text())
        self.layers = self.description["layers"]
        self.size, self.channels = self.description["size"], self.description["channels"]
        self.classes, self.name = self.description["classes"], self.description["name"]
        self.keras_name = self.description["keras_name"]  # of keras.applications; the layers then say little
        self.onnx = pathlib.Path(description).with_suffix(".onnx")  # such a network as mien exported it
        self.weights = read_safetensors(weights)
        self.shapes = {}
        if self.keras_name:
            return
        for layer in self.layers:
            self.shapes[layer["name"]] = self._shape(layer)

    def _shape(self, layer):
        if layer["kind"] == "input":
            return (self.size, self.size, self.channels)
        shape = self.shapes[layer["inputs"][0]]
        kind = layer["kind"]
        if kind in ("conv2d", "depthwise_conv2d"):
            side = lambda cells: (cells + 2 * layer["padding"] - layer["kernel"]) // layer["stride"] + 1
            return (side(shape[0]), side(shape[1]), layer["filters"] if kind == "conv2d" else shape[2])
        if kind == "max_pool2d":
            if layer["same"]:
                return (-(-shape[0] // layer["stride"]), -(-shape[1] // layer["stride"]), shape[2])
            side = lambda cells: (cells - layer["kernel"]) // layer["stride"] + 1
            return (side(shape[0]), side(shape[1]), shape[2])
        if kind == "global_average_pool2d":
            return (shape[2],)
        if kind == "flatten":
            return (shape[0] * shape[1] * shape[2],)
        if kind == "dense":
            return (layer["filters"],)
        return shape

    def input_shape(self, layer):
        return self.shapes[layer["inputs"][0]]

    def weight(self, layer, name):
        """A weight in Keras's order: convolutions (kh, kw, in, out), dense layers (in, out)."""
        return self.weights[f"{layer['name']}/{name}"]

    def channels_first_dense(self, layer):
        """The kernel of a dense layer, its rows in the order that flattening (channels, height, width) gives."""
        kernel = self.weight(layer, "kernel")
        before = next(other for other in self.layers if other["name"] == layer["inputs"][0])
        if before["kind"] != "flatten":
            return kernel
        height, width, channels = self.input_shape(before)
        return kernel.reshape(height, width, channels, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)


class Batches:
    """The pictures (batch, height, width, channels), float32, and labels that bench_network exported."""

    def __init__(self, path, count, batch, network):
        shape = (count, batch, network.size, network.size, network.channels)
        pictures = count * batch * network.size * network.size * network.channels
        self.images = numpy.memmap(path, "<f4", "r", 0, shape)
        self.labels = numpy.memmap(path, "<i4", "r", pictures * 4, (count, batch))

    def __len__(self):
        return len(self.images)
