"""Keras on TensorFlow (with oneDNN, its default on x86-64)."""
import os

from protocol import serve

SETTINGS = {
    "graph": {"precision": "float32", "train": True, "infer": True},
    "xla": {"precision": "float32", "train": True, "infer": True, "compiles": True},
    "bfloat16": {"precision": "bfloat16", "train": True, "infer": True},
}


class Peer:
    def __init__(self, network, batches, threads, setting):
        os.environ["KERAS_BACKEND"] = "tensorflow"
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import keras
        import tensorflow
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
        if setting == "bfloat16":
            keras.mixed_precision.set_global_policy("mixed_bfloat16")
        self.keras, self.tensorflow, self.network = keras, tensorflow, network
        self.version = f"{keras.__version__} on TensorFlow {tensorflow.__version__}"
        self.model = self.build(network)
        self.images = [tensorflow.constant(images) for images in batches.images]
        self.labels = [tensorflow.constant(labels) for labels in batches.labels]
        loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model, optimizer = self.model, keras.optimizers.Adam(1e-3)
        self.optimizer = optimizer

        @tensorflow.function(jit_compile=setting == "xla")
        def step(x, y):
            with tensorflow.GradientTape() as tape:
                loss = loss_of(y, tensorflow.cast(model(x, training=True), "float32"))
            optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
            return loss

        @tensorflow.function(jit_compile=setting == "xla")
        def scores(x):
            return tensorflow.cast(model(x, training=False), "float32")

        self.step, self.scores = step, scores

    def build(self, network):
        if network.keras_name:
            shape = (network.size, network.size, network.channels)
            return getattr(self.keras.applications, network.keras_name)(
                weights=None, input_shape=shape, classes=network.classes, classifier_activation=None)
        layers = self.keras.layers
        values = {}
        for layer in network.layers:
            name, kind = layer["name"], layer["kind"]
            if kind == "input":
                values[name] = self.keras.Input((network.size, network.size, network.channels))
                continue
            x = [values[input] for input in layer["inputs"]]
            x = x[0] if len(x) == 1 else x
            if kind in ("conv2d", "depthwise_conv2d"):
                padding = "valid"
                if layer["padding"] and layer["stride"] == 1:
                    padding = "same"
                elif layer["padding"]:
                    x = layers.ZeroPadding2D(layer["padding"])(x)
                options = {"strides": layer["stride"], "padding": padding, "use_bias": layer["bias"],
                           "activation": layer["activation"], "name": name}
                made = (layers.Conv2D(layer["filters"], layer["kernel"], **options) if kind == "conv2d" else
                        layers.DepthwiseConv2D(layer["kernel"], **options))
            elif kind == "batch_normalization":
                made = layers.BatchNormalization(name=name)
            elif kind == "activation":
                made = layers.ReLU(6.0 if layer["activation"] == "relu6" else None, name=name)
            elif kind == "max_pool2d":
                made = layers.MaxPooling2D(layer["kernel"], layer["stride"], "same" if layer["same"] else "valid", name=name)
            elif kind == "global_average_pool2d":
                made = layers.GlobalAveragePooling2D(name=name)
            elif kind == "add":
                made = layers.Add(name=name)
            elif kind == "flatten":
                made = layers.Flatten(name=name)
            else:
                made = layers.Dense(layer["filters"], activation=layer["activation"], name=name)
            values[name] = made(x)
        return self.keras.Model(values[network.layers[0]["name"]], values[network.layers[-1]["name"]])

    def reset(self):
        count = 0
        for layer in self.model.layers:
            for variable in layer.weights:
                variable.assign(self.network.weights[f"{layer.name}/{variable.name}"])
                count += 1
        assert count == len(self.network.weights), f"{count} of {len(self.network.weights)} weights have a place"
        for variable in self.optimizer.variables:
            if variable is not self.optimizer._learning_rate:
                variable.assign(0 * variable)
        self.set_rate(1e-3)

    def set_rate(self, rate):
        self.optimizer.learning_rate.assign(rate)

    def train(self, batch):
        if not self.optimizer.built:  # here, for its state is twice the weights, and inference has no use for it
            self.optimizer.build(self.model.trainable_variables)
        return float(self.step(self.images[batch], self.labels[batch]))

    def predict(self, count):
        return self.scores(self.images[0][:count]).numpy()


if __name__ == "__main__":
    serve(SETTINGS, Peer)
