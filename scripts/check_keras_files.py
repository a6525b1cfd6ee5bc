"""The Python side of check_keras_files.sh: check_keras_files.py PROGRAM FOLDER [NAME...]. Prints the table."""
import json
import logging
import pathlib
import subprocess
import sys

import numpy as np

logging.getLogger("absl").setLevel(logging.ERROR)  # Keras's advice against .h5

ALLOWED = 1e-4


def read_safetensors(path):
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    tensors = {}
    for name, entry in json.loads(raw[8:8 + length]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            values = np.frombuffer(raw[8 + length + begin:8 + length + end], "<f4")
            tensors[name] = values.reshape(entry["shape"])
    return tensors


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, values in tensors.items():
        raw = np.ascontiguousarray(values, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def relative(got, wanted):
    if got.shape != wanted.shape or not np.isfinite(got).all():
        raise ValueError(f"shape {got.shape}, expected {wanted.shape}, or values that are not finite")
    # Over what depends on the pictures: a network that answers both alike would agree with anything.
    return float(np.abs(got.astype("f8") - wanted).max() / np.abs(wanted[0].astype("f8") - wanted[1]).max())


class Table:
    def __init__(self):
        self.failed = 0
        print(f"{'network':<18}{'file':<26}{'written by':<12}{'read by':<14}{'difference':>11}")

    def row(self, network, file, writer, reader, measure):
        try:
            difference = measure()
            verdict = f"{difference:11.1e}" + ("" if difference <= ALLOWED else "  TOO LARGE")
            good = difference <= ALLOWED
        except Exception as error:
            verdict, good = f"     failed  {type(error).__name__}: {str(error).strip()[:300]}", False
        self.failed += not good
        print(f"{network:<18}{file:<26}{writer:<12}{reader:<14}{verdict}", flush=True)


def keras_predict(model, inputs):
    result = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    return np.asarray(result[0] if isinstance(result, (list, tuple)) else result)


def onnx_predict(path, inputs):
    import onnxruntime
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs)))[0]


def check_written_by_mien(program, folder, name, table):
    import keras
    subprocess.run([program, "write", name, folder], check=True)
    tensors = read_safetensors(folder / f"{name}.io.safetensors")
    wanted = tensors["y"]
    inputs = [tensors[f"x{i}"] for i in range(len(tensors) - 1)]
    archive = folder / f"{name}.keras"

    def whole():
        return relative(keras_predict(keras.saving.load_model(archive), inputs), wanted)

    def weights():
        model = keras.saving.load_model(archive)
        for variable in model.weights:
            variable.assign(np.zeros(variable.shape, "f4"))
        model.load_weights(folder / f"{name}.weights.h5")
        return relative(keras_predict(model, inputs), wanted)

    table.row(name, ".keras", "mien", "Keras", whole)
    table.row(name, ".weights.h5", "mien", "Keras", weights)
    table.row(name, ".onnx", "mien", "ONNX Runtime",
              lambda: relative(onnx_predict(folder / f"{name}.onnx", inputs), wanted))
    return keras.saving.load_model(archive)


def mien_reads(program, arguments):
    done = subprocess.run([program, "read", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    difference, spread = map(float, done.stdout.split())
    return difference / spread


def check_written_by_keras(program, folder, name, model, table):
    import keras
    generator = np.random.default_rng(5)
    inputs = [generator.uniform(-1, 1, (2, *given.shape[1:])).astype("f4") for given in model.inputs]
    io = folder / "keras.io.safetensors"
    write_safetensors(io, {**{f"x{i}": x for i, x in enumerate(inputs)}, "y": keras_predict(model, inputs)})
    files = {".keras": lambda path: model.save(path),
             ".h5": lambda path: model.save(path),
             ".weights.h5": lambda path: model.save_weights(path),
             ".h5 (weights)": lambda path: keras.src.legacy.saving.legacy_h5_format.save_weights_to_hdf5_group(path, model)}
    for kind, save in files.items():
        path = folder / ("keras" + kind.split()[0])
        path.unlink(missing_ok=True)

        def measure():
            if "(" in kind:
                import h5py
                with h5py.File(path, "w") as file:
                    save(file)
            else:
                save(path)
            whole = kind in (".keras", ".h5")
            return max(mien_reads(program, [path, io]) if whole else 0, mien_reads(program, [name, path, io]))

        table.row(name, kind, "Keras", "mien", measure)


def keras_network(name, like):
    """The same architecture as Keras itself builds it, or, where it is no application of Keras's, `like` anew."""
    import keras
    keras.utils.set_random_seed(3)
    builder = {"inception_v3": "InceptionV3", "densenet121": "DenseNet121", "vgg16": "VGG16",
               "mobilenet_v2": "MobileNetV2", "xception": "Xception", "resnet50": "ResNet50"}.get(name)
    if builder:
        model = getattr(keras.applications, builder)(weights=None, input_shape=like.inputs[0].shape[1:], classes=10,
                                                     classifier_activation=None)
    else:
        model = keras.models.clone_model(like)
    generator = np.random.default_rng(7)
    for layer in model.layers:
        for variable in layer.weights:  # as settle() in keras_exchange.cpp
            shape = tuple(variable.shape)
            low, high = (0.5, 1.5) if variable.name in ("gamma", "moving_variance") else (-0.2, 0.2)
            if len(shape) > 1:
                depthwise = type(layer).__name__ == "DepthwiseConv2D" or variable.name == "depthwise_kernel"
                high = (6 / (np.prod(shape[:2]) if depthwise else np.prod(shape[:-1]))) ** 0.5
                low = -high
            variable.assign(generator.uniform(low, high, shape).astype("f4"))
    return model


def main():
    program, folder, *names = sys.argv[1:]
    folder = pathlib.Path(folder)
    known = subprocess.run([program, "list"], check=True, capture_output=True, text=True).stdout.split()
    for name in names:
        if name not in known:
            sys.exit(f"there is no network {name}; there are: {', '.join(known)}")
    import keras
    import onnxruntime
    print(f"Keras {keras.__version__}, ONNX Runtime {onnxruntime.__version__}; "
          f"difference = largest |a - b| / largest |b(first picture) - b(second)|, allowed {ALLOWED:g}")
    table = Table()
    for name in names or known:
        like = check_written_by_mien(program, folder, name, table)
        check_written_by_keras(program, folder, name, keras_network(name, like), table)
        for path in folder.iterdir():
            path.unlink()
    print("all agree" if not table.failed else f"{table.failed} do not agree")
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
