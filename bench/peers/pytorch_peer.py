"""PyTorch."""
from protocol import serve

SETTINGS = {
    "eager": {"precision": "float32", "train": True, "infer": True},
    "channels_last": {"precision": "float32", "train": True, "infer": True},
    # The main thread keeps to a core too, so this is for eager mode alone: compiling would be left with one core.
    "channels_last, bound": {"precision": "float32", "train": True, "infer": True,
                             "environment": {"OMP_PROC_BIND": "true"}},
    "compiled": {"precision": "float32", "train": True, "infer": False, "compiles": True},
    # Compiled with the weights as constants: batch normalisation is folded, weights are laid out beforehand.
    "frozen": {"precision": "float32", "train": False, "infer": True, "compiles": True},
    "traced": {"precision": "float32", "train": False, "infer": True},
    "bfloat16": {"precision": "bfloat16", "train": True, "infer": True},
    "bfloat16, compiled": {"precision": "bfloat16", "train": True, "infer": False, "compiles": True},
    "bfloat16, frozen": {"precision": "bfloat16", "train": False, "infer": True, "compiles": True},
}


class Peer:
    def __init__(self, network, batches, threads, setting):
        if network.keras_name:
            raise ValueError(f"PyTorch has no {network.keras_name} with Keras's weights")
        import torch
        torch.set_num_threads(threads)
        self.torch, self.network, self.setting = torch, network, setting
        self.version = torch.__version__.split("+")[0]
        layout = torch.contiguous_format if setting == "eager" else torch.channels_last
        self.images = [torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).contiguous(memory_format=layout)
                       for images in batches.images]
        self.labels = [torch.from_numpy(labels.astype("int64")) for labels in batches.labels]
        self.model = make_model(torch, network).to(memory_format=layout)
        self.bfloat16 = setting.startswith("bfloat16")
        self.frozen = setting.endswith("frozen")
        self.inference = {}

    def autocast(self):
        return self.torch.autocast("cpu", self.torch.bfloat16, enabled=self.bfloat16)

    def reset(self):
        torch, network = self.torch, self.network
        with torch.no_grad():
            for layer in network.layers:
                if layer["name"] in self.model.parts:
                    set_weights(torch, network, layer, self.model.parts[layer["name"]])
        if not hasattr(self, "optimizer"):
            self.optimizer = torch.optim.Adam(self.model.parameters(), 1e-3, eps=1e-7, fused=True)
            forward = torch.compile(self.model, dynamic=False) if self.setting.endswith("compiled") else self.model
            loss_of = torch.nn.functional.cross_entropy

            def step(x, y):
                self.model.train()
                self.optimizer.zero_grad(set_to_none=True)
                with self.autocast():
                    logits = forward(x)
                loss = loss_of(logits.float(), y)
                loss.backward()
                self.optimizer.step()
                return loss

            self.step = step
        self.optimizer.state.clear()
        self.inference.clear()

    def train(self, batch):
        self.inference.clear()
        return self.step(self.images[batch], self.labels[batch]).item()

    def prepare(self, x):
        """The model for inference, as far as its setting takes it."""
        torch = self.torch
        self.model.eval()
        if self.setting == "traced":
            with torch.inference_mode():
                traced = torch.jit.freeze(torch.jit.trace(self.model, x))
                return torch.jit.optimize_for_inference(traced)
        if self.frozen:
            torch._inductor.config.freezing = True
            return torch.compile(self.model, dynamic=False)
        return self.model

    def predict(self, count):
        torch, x = self.torch, self.images[0][:count]
        if count not in self.inference:
            self.inference[count] = self.prepare(x)
        # Freezing asks for no_grad.
        with torch.no_grad() if self.frozen else torch.inference_mode(), self.autocast():
            return self.inference[count](x).float().numpy()


def make_model(torch, network):
    """The description as a module that walks it."""
    nn = torch.nn

    def part(layer):
        kind, kernel, stride = layer["kind"], layer["kernel"], layer["stride"]
        if kind in ("conv2d", "depthwise_conv2d"):
            inputs = network.input_shape(layer)[2]
            filters = layer["filters"] if kind == "conv2d" else inputs
            return nn.Conv2d(inputs, filters, kernel, stride, layer["padding"], bias=layer["bias"],
                             groups=1 if kind == "conv2d" else inputs)
        if kind == "batch_normalization":
            return nn.BatchNorm2d(network.input_shape(layer)[2], eps=1e-3, momentum=0.01)
        if kind == "dense":
            return nn.Linear(network.input_shape(layer)[0], layer["filters"])
        if kind == "max_pool2d":
            # Keras's "same" puts its one cell at the end, for even sizes: ceil_mode does so.
            assert not layer["same"] or network.input_shape(layer)[0] % 2 == 0
            return nn.MaxPool2d(kernel, stride, ceil_mode=layer["same"])
        return None

    activations = {"linear": lambda x: x, "relu": nn.functional.relu, "relu6": nn.functional.relu6}

    class Walk(nn.Module):
        def __init__(self):
            super().__init__()
            made = {layer["name"]: part(layer) for layer in network.layers}
            self.parts = nn.ModuleDict({name: module for name, module in made.items() if module is not None})

        def forward(self, x):
            values = {network.layers[0]["name"]: x}
            for layer in network.layers[1:]:
                y = values[layer["inputs"][0]]
                kind = layer["kind"]
                if layer["name"] in self.parts:
                    y = self.parts[layer["name"]](y)
                elif kind == "add":
                    y = y + values[layer["inputs"][1]]
                elif kind == "global_average_pool2d":
                    y = y.mean((2, 3))
                elif kind == "flatten":
                    y = y.flatten(1)
                values[layer["name"]] = activations[layer["activation"]](y)
            return values[network.layers[-1]["name"]]

    return Walk()


def set_weights(torch, network, layer, part):
    kind = layer["kind"]
    put = lambda place, values: place.copy_(torch.from_numpy(values.copy()))
    if kind == "conv2d":
        put(part.weight, network.weight(layer, "kernel").transpose(3, 2, 0, 1))
    elif kind == "depthwise_conv2d":
        put(part.weight, network.weight(layer, "kernel").transpose(2, 3, 0, 1))
    elif kind == "dense":
        put(part.weight, network.channels_first_dense(layer).T)
    elif kind == "batch_normalization":
        for place, name in ((part.weight, "gamma"), (part.bias, "beta"), (part.running_mean, "moving_mean"),
                            (part.running_var, "moving_variance")):
            put(place, network.weight(layer, name))
    if layer["bias"]:
        put(part.bias, network.weight(layer, "bias"))


if __name__ == "__main__":
    serve(SETTINGS, Peer)
