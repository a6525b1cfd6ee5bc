"""OpenVINO: inference."""
import numpy

from protocol import serve

SETTINGS = {
    "latency": {"precision": "float32", "train": False, "infer": True},
    # The batch in as many parts as there are threads, each on a thread of its own.
    "streams": {"precision": "float32", "train": False, "infer": True},
    "bfloat16": {"precision": "bfloat16", "train": False, "infer": True},
}


class Peer:
    def __init__(self, network, batches, threads, setting):
        import openvino
        from onnx_file import model_of, pictures
        self.version = openvino.__version__.split("-")[0]
        self.openvino, self.core, self.threads, self.setting = openvino, openvino.Core(), threads, setting
        self.model = model_of(network)
        self.images = pictures(network, batches.images[0])
        self.requests = {}

    def reset(self):
        pass

    def make(self, count):
        """Requests that take the first `count` pictures between them."""
        parts = self.threads if self.setting == "streams" and count % self.threads == 0 else 1
        model = self.core.read_model(self.model) if isinstance(self.model, str) else self.core.read_model(self.model, b"")
        model.reshape([count // parts, *self.images.shape[1:]])
        compiled = self.core.compile_model(model, "CPU", {
            "INFERENCE_PRECISION_HINT": "bf16" if self.setting == "bfloat16" else "f32",
            "INFERENCE_NUM_THREADS": self.threads, "NUM_STREAMS": parts, "PERFORMANCE_HINT": "LATENCY"})
        requests = [compiled.create_infer_request() for _ in range(parts)]
        for request, part in zip(requests, numpy.split(self.images[:count], parts)):
            request.set_input_tensor(self.openvino.Tensor(part, shared_memory=True))
        return requests

    def predict(self, count):
        if count not in self.requests:
            self.requests[count] = self.make(count)
        requests = self.requests[count]
        for request in requests:
            request.start_async()
        for request in requests:
            request.wait()
        return numpy.concatenate([request.get_output_tensor().data for request in requests])


if __name__ == "__main__":
    serve(SETTINGS, Peer)
