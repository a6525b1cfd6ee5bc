// ONNX files: the graph that is written, read back field by field. That ONNX Runtime computes the same with it is shown
// by scripts/check_keras_files.sh.
#include <catch2/catch.hpp>
#include <cstring>
#include <map>

#include "mien/io/file.h"
#include "mien/io/onnx.h"
#include "mien/kernels/error.h"
#include "mien/layers/layers.h"
#include "mien/tests/child_process.h"

using namespace mien;

namespace {

/// A message in protobuf's wire format: the values of each field, in order.
struct Message {
  std::multimap<int, std::string> texts;
  std::multimap<int, std::uint64_t> numbers;

  explicit Message(std::string_view bytes) {
    std::size_t place = 0;
    const auto varint = [&] {
      std::uint64_t value = 0;
      for (int shift = 0;; shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes.at(place++));
        value |= std::uint64_t{byte & 127u} << shift;
        if (byte < 128) return value;
      }
    };
    while (place < bytes.size()) {
      const std::uint64_t key = varint();
      const auto field = static_cast<int>(key >> 3);
      if ((key & 7) == 0) {
        numbers.emplace(field, varint());
      } else {
        const std::uint64_t length = (key & 7) == 5 ? 4 : varint();
        REQUIRE(length <= bytes.size() - place);
        texts.emplace(field, std::string(bytes.substr(place, length)));
        place += length;
      }
    }
  }
  std::vector<std::string> all(int field) const {
    std::vector<std::string> result;
    for (auto [at, end] = texts.equal_range(field); at != end; ++at) result.push_back(at->second);
    return result;
  }
  std::vector<std::int64_t> integers(int field) const {
    std::vector<std::int64_t> result;
    for (auto [at, end] = numbers.equal_range(field); at != end; ++at)
      result.push_back(static_cast<std::int64_t>(at->second));
    return result;
  }
  std::string text(int field) const { return all(field).at(0); }
};

Message graph_of(const std::string& file) {
  const Message model(file);
  CHECK(model.integers(1) == std::vector<std::int64_t>{8});
  CHECK(model.text(2) == "mien");
  CHECK(Message(model.text(8)).integers(2) == std::vector<std::int64_t>{17});
  return Message(model.text(7));
}

/// "Conv(x, kernel, bias) → name" of each node.
std::vector<std::string> nodes(const Message& graph) {
  std::vector<std::string> result;
  for (const std::string& bytes : graph.all(1)) {
    const Message node(bytes);
    std::string inputs;
    for (const std::string& input : node.all(1)) inputs += (inputs.empty() ? "" : ", ") + input;
    CHECK(node.text(2) == node.text(3));
    result.push_back(node.text(4) + "(" + inputs + ") → " + node.text(2));
  }
  return result;
}

/// A constant's values and lengths.
std::pair<std::vector<float>, std::vector<std::int64_t>> constant(const Message& graph, const std::string& name) {
  for (const std::string& bytes : graph.all(5)) {
    const Message tensor(bytes);
    if (tensor.text(8) != name) continue;
    const std::string raw = tensor.text(9);
    std::vector<float> values(raw.size() / sizeof(float));
    std::memcpy(values.data(), raw.data(), raw.size());
    return {values, tensor.integers(1)};
  }
  FAIL("no constant " << name);
  return {};
}

std::string exported(const Model& net) {
  const mien::testing::ScratchFolder scratch;
  export_onnx(net, scratch / "net.onnx");
  return read_file(scratch / "net.onnx");
}

}  // namespace

TEST_CASE("a network becomes a node or a few for each layer, turned to channels first where that begins", "[onnx]") {
  const Symbol image = Input({8, 8, 3}, "image");
  const Symbol stem = Conv2D(4, 3, {.stride = 2, .padding = Padding::same, .activation = relu, .name = "stem"})(image);
  const Symbol deep = BatchNormalization({.scale = false, .name = "norm"})(
      DepthwiseConv2D(3, {.padding = Padding::same, .name = "deep"}, 1)(stem));
  const Symbol sum = MaxPool2D(2, {.name = "pool"})(Add("sum")({stem, Dropout(0.5f, "dropout")(deep)}));
  Model net(image, Dense(2, {.activation = softmax, .name = "out"})(Flatten("flat")(sum)), "small");
  net.initialize(1);
  const std::string file = exported(net);
  CHECK(exported(net) == file);
  const Message graph = graph_of(file);
  CHECK(graph.text(2) == "small");
  CHECK(nodes(graph) ==
        std::vector<std::string>{"Transpose(image) → image/channels_first",
                                 "Conv(image/channels_first, stem/kernel, stem/bias) → stem/linear",
                                 "Relu(stem/linear) → stem", "Conv(stem, deep/kernel, deep/bias) → deep",
                                 "BatchNormalization(deep, norm/gamma, norm/beta, norm/moving_mean, "
                                 "norm/moving_variance) → norm",
                                 "Add(stem, norm) → sum", "MaxPool(sum) → pool", "Transpose(pool) → pool/channels_last",
                                 "Reshape(pool/channels_last, flat/shape) → flat",
                                 "Gemm(flat, out/kernel, out/bias) → out/linear", "Softmax(out/linear) → out",
                                 "Identity(out) → output"});
  CHECK(constant(graph, "norm/gamma").first == std::vector<float>(4, 1.0f));

  // Same padding of an even side and stride 2 has its odd cell at the end.
  for (const std::string& bytes : graph.all(1)) {
    const Message node(bytes);
    if (node.text(2) != "stem/linear") continue;
    std::map<std::string, std::vector<std::int64_t>> settings;
    for (const std::string& attribute : node.all(5))
      settings[Message(attribute).text(1)] = Message(attribute).integers(8);
    CHECK(settings["pads"] == std::vector<std::int64_t>{0, 0, 1, 1});
    CHECK(settings["strides"] == std::vector<std::int64_t>{2, 2});
    CHECK(settings["kernel_shape"] == std::vector<std::int64_t>{3, 3});
  }
}

TEST_CASE("kernels are turned to (out, in, height, width), a depthwise one to (out, 1, height, width)", "[onnx]") {
  Sequential net{Conv2D(2, {2, 1}, {.use_bias = false, .name = "plain"}),
                 DepthwiseConv2D({1, 2}, {.use_bias = false, .name = "deep"}, 2)};
  net.build({3, 3, 3}, 1);
  net.layer("plain")->parameters()[0]->value.copy_from(
      Tensor::from<float>({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {2, 1, 3, 2}));
  net.layer("deep")->parameters()[0]->value.copy_from(Tensor::from<float>({0, 1, 2, 3, 4, 5, 6, 7}, {1, 2, 2, 2}));
  const Message graph = graph_of(exported(net));
  const auto [plain, plain_shape] = constant(graph, "plain/kernel");
  CHECK(plain_shape == std::vector<std::int64_t>{2, 3, 2, 1});
  CHECK(plain == std::vector<float>{0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11});
  const auto [deep, deep_shape] = constant(graph, "deep/kernel");
  CHECK(deep_shape == std::vector<std::int64_t>{4, 1, 1, 2});
  CHECK(deep == std::vector<float>{0, 4, 1, 5, 2, 6, 3, 7});
}

TEST_CASE("a network without weights, or with a layer of the user's own, is not exported", "[onnx]") {
  class Own : public Module {
   public:
    std::string kind() const override { return "Own"; }
    LayerConfig config() const override { return begin_config(); }
    Shape output_shape(const std::vector<Shape>& inputs) const override { return inputs.at(0); }
    Tensor forward(const std::vector<Tensor>& inputs, const Call&) override { return inputs.at(0); }
    std::shared_ptr<Module> clone() const override { return std::make_shared<Own>(*this); }
  };
  const mien::testing::ScratchFolder scratch;
  const Symbol x = Input({4});
  Model bare(x, Dense(2)(x));
  CHECK_THROWS_WITH(export_onnx(bare, scratch / "net.onnx"),
                    Catch::Contains("net.onnx] the network has no weights yet"));
  Model own(x, Layer(std::make_shared<Own>())(Dense(2)(x)));
  own.initialize(1);
  CHECK_THROWS_WITH(export_onnx(own, scratch / "net.onnx"), "[onnx] layer \"own\": there is no way to write a Own.");
  CHECK(std::filesystem::is_empty(scratch.path()));
}
