"""ONNX Runtime: inference."""
from protocol import serve

SETTINGS = {
    "sequential": {"precision": "float32", "train": False, "infer": True},
    "no spinning": {"precision": "float32", "train": False, "infer": True},
}


class Peer:
    def __init__(self, network, batches, threads, setting):
        import onnxruntime
        from onnx_file import model_of, pictures
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        if setting == "no spinning":
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.version = onnxruntime.__version__
        self.session = onnxruntime.InferenceSession(model_of(network), options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name
        self.images = pictures(network, batches.images[0])

    def reset(self):
        pass

    def predict(self, count):
        return self.session.run(None, {self.input: self.images[:count]})[0]


if __name__ == "__main__":
    serve(SETTINGS, Peer)
