// Keras's files: what Keras wrote is read to the bit and predicts the same; what does not fit is refused by name.
#include <catch2/catch.hpp>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "mien/io/file.h"
#include "mien/io/hdf5.h"
#include "mien/io/keras_file.h"
#include "mien/io/keras_weights.h"
#include "mien/io/safetensors.h"
#include "mien/io/zip.h"
#include "mien/kernels/error.h"
#include "mien/layers/config.h"
#include "mien/models/imagenet.h"
#include "mien/tests/child_process.h"
#include "mien/tests/golden.h"
#include "mien/train/weights.h"

using namespace mien;
namespace fs = std::filesystem;

namespace {

fs::path folder() { return test::golden_folder() / "weights"; }

struct Golden {
  nlohmann::json index = test::golden_index("weights/weights.json");
  WeightsFile tensors = read_safetensors(folder() / "weights.safetensors");
  Tensor tensor(const std::string& model, const std::string& role) const {
    return find(tensors.tensors, model + '/' + role);
  }
};

const Golden& golden() {
  static const Golden loaded;
  return loaded;
}

Model tiny_functional() {
  const Symbol image = Input({9, 8, 3}, "image");
  Symbol stem = Conv2D(4, 3, {.stride = 2, .padding = Padding::same, .use_bias = false})(image);
  stem = ReLU()(BatchNormalization({.scale = false})(stem));
  Symbol deep = BatchNormalization()(DepthwiseConv2D(3, {.padding = Padding::same})(stem));
  deep = Conv2D(4, 1)(deep);
  const Symbol sum = Add()({stem, deep});
  const Symbol flat = Conv2D(5, {1, 3}, {.padding = Padding::same, .activation = relu})(stem);
  const Symbol mean = GlobalAveragePool2D()(Concatenate()({sum, flat}));
  return Model(image, Dense(5, {.activation = softmax})(mean));
}

Sequential tiny_sequential() {
  Sequential net{Conv2D(4, 3, {.padding = Padding::same, .activation = relu}),
                 BatchNormalization(),
                 SeparableConv2D(6, 3, {.activation = relu}),
                 MaxPool2D(2),
                 Flatten(),
                 Dense(5, {.activation = softmax})};
  net.build({9, 8, 3}, 1);
  return net;
}

/// A network of the library's own for the golden model of that name.
Model network(const nlohmann::json& item) {
  if (item["name"] == "tiny_sequential") return tiny_sequential();
  if (item["name"] == "tiny_functional") return tiny_functional();
  const std::int64_t size = item.at("size");
  models::ImageNetOptions options{.input = {size, size, 3}, .include_top = item.at("include_top")};
  options.alpha = item.at("alpha").get<double>();
  return models::imagenet_network(item["name"].get<std::string>(), options);
}

void check_weights(const Model& net, const nlohmann::json& item) {
  const auto parameters = net.parameters();
  REQUIRE(parameters.size() == item["weights"].size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    INFO(item["weights"][i][0].get<std::string>());
    Shape shape;
    for (const nlohmann::json& length : item["weights"][i][1]) shape.append(length.get<std::int64_t>());
    REQUIRE(parameters[i]->value.shape() == shape);
    // Of the large network the golden file has the prediction alone.
    if (const Tensor wanted = golden().tensor(item["name"], "w." + std::to_string(i)); wanted.defined())
      CHECK(parameters[i]->value.to_vector() == wanted.to_vector());
    else
      CHECK(item["name"] == "mobilenet_v2");
  }
}

void check_prediction(const Model& net, const nlohmann::json& item) {
  const std::vector<float> wanted = golden().tensor(item["name"], "y").to_vector(),
                           got = net(golden().tensor(item["name"], "x")).to_vector();
  REQUIRE(got.size() == wanted.size());
  const float allowed = item["weights"].size() > 100 ? 1e-4f : 1e-5f;
  float worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(got[i] - wanted[i]));
  CHECK(worst <= allowed);
}

std::string load_error(Model& net, const fs::path& path) {
  try {
    load_weights(net, path);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string model_error(const fs::path& path) {
  try {
    load_keras_model(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::vector<std::vector<float>> all_weights(const Model& net) {
  std::vector<std::vector<float>> result;
  for (const auto& parameter : net.parameters()) result.push_back(parameter->value.to_vector());
  return result;
}

/// A .keras file of this description and no weights.
void write_description(const fs::path& path, const std::string& json) {
  Hdf5File weights;
  weights.groups["layers"] = {};
  const std::string bytes = hdf5_bytes(weights);
  write_zip(path, {{"config.json", json}, {"model.weights.h5", bytes}});
}

std::string chain(const std::string& layers, const std::string& shape = "[null, 8, 8, 3]") {
  return R"({"class_name": "Sequential", "config": {"name": "net", "layers": [{"class_name": "InputLayer", "config": )"
         R"({"batch_shape": )" +
         shape + R"(, "name": "image"}}, )" + layers + "]}}";
}

}  // namespace

TEST_CASE("weights that Keras wrote are read to the bit into a network of our own, and predict the same",
          "[keras_files]") {
  int files = 0;
  for (const nlohmann::json& item : golden().index["cases"]) {
    for (const auto& [kind, file] : item["files"].items()) {
      const fs::path path = folder() / file.get<std::string>();
      if (!fs::exists(path)) continue;
      INFO(kind << ", " << path.string());
      Model net = network(item);
      load_weights(net, path);
      check_weights(net, item);
      check_prediction(net, item);
      Model same = network(item);  // by the call that reads safetensors too
      load(same, path);
      CHECK(all_weights(same) == all_weights(net));
      ++files;
    }
  }
  std::cout << "weights: " << files << " files read\n";
  CHECK(files >= 11);
}

TEST_CASE("whole models that Keras wrote are read: layers, names, weights, predictions", "[keras_files]") {
  int files = 0;
  for (const nlohmann::json& item : golden().index["cases"]) {
    for (const auto& [kind, file] : item["files"].items()) {
      if (kind != "keras 3 archive" && kind != "legacy whole model") continue;
      INFO(kind << ", " << file);
      const Model net = load_keras_model(folder() / file.get<std::string>());
      check_weights(net, item);
      check_prediction(net, item);
      std::vector<std::pair<std::string, std::string>> wanted, got;
      for (const nlohmann::json& layer : item["layers"])
        if (layer[1] != "InputLayer") wanted.emplace_back(layer[0], layer[1]);
      for (const Layer& layer : net.layers()) got.emplace_back(layer->name(), layer->kind());
      CHECK(got == wanted);
      if (item["name"] != "mobilenet_v2") CHECK(net.name() == item["name"]);
      ++files;
    }
  }
  CHECK(files == 5);
}

TEST_CASE("files of Keras 1 are read: its names of layers, arguments and weights", "[keras_files]") {
  const mien::testing::ScratchFolder scratch;
  Sequential net{ZeroPadding2D({1, 0, 2, 1}, "zeropadding2d_1"),
                 Conv2D(4, {3, 2}, {.stride = 2, .activation = relu, .kernel_regularizer = l2(0.01f), .name = "c1"}),
                 BatchNormalization({.name = "bn1"}),
                 Dropout(0.25f, "d1"),
                 Flatten("f1"),
                 Dense(3, {.use_bias = false, .kernel_initializer = he_normal, .name = "out"})};
  net.build({8, 8, 1}, 4);

  Hdf5File file;
  auto& top = file.groups["model_weights"];
  top["layer_names"] = {"zeropadding2d_1", "c1", "bn1", "d1", "f1", "out"};
  const std::map<std::string, std::vector<std::string>> weights{
      {"c1", {"c1_W", "c1_b"}},
      {"bn1", {"bn1_gamma", "bn1_beta", "bn1_running_mean", "bn1_running_std"}},
      {"out", {"out_W"}}};
  for (const Layer& layer : net.layers()) {
    const std::string path = "model_weights/" + layer->name();
    const auto found = weights.find(layer->name());
    file.groups[path]["weight_names"] = found == weights.end() ? std::vector<std::string>{} : found->second;
    for (std::size_t i = 0; i < layer->parameters().size(); ++i)
      file.datasets[path + "/" + found->second[i]] = layer->parameters()[i]->value;
  }
  file.groups[""]["keras_version"] = {"1.2.2"};
  file.groups[""]["model_config"] = {R"({"class_name": "Sequential", "config": [
    {"class_name": "ZeroPadding2D", "config": {"name": "zeropadding2d_1", "trainable": true, "padding": [1, 0, 2, 1],
      "dim_ordering": "tf", "batch_input_shape": [null, 8, 8, 1], "input_dtype": "float32"}},
    {"class_name": "Convolution2D", "config": {"name": "c1", "nb_filter": 4, "nb_row": 3, "nb_col": 2, "init":
      "glorot_uniform", "activation": "relu", "border_mode": "valid", "subsample": [2, 2], "dim_ordering": "tf", "bias":
      true, "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}, "b_regularizer": null,
      "activity_regularizer": null, "W_constraint": null, "b_constraint": null, "trainable": true}},
    {"class_name": "BatchNormalization", "config": {"name": "bn1", "mode": 0, "axis": 3, "epsilon": 0.001, "momentum":
      0.99, "gamma_regularizer": null, "beta_regularizer": null}},
    {"class_name": "Dropout", "config": {"name": "d1", "p": 0.25}},
    {"class_name": "Flatten", "config": {"name": "f1"}},
    {"class_name": "Dense", "config": {"name": "out", "output_dim": 3, "input_dim": null, "init": "he_normal", "bias":
      false, "activation": "linear"}}]})"};
  write_file_atomically(scratch / "keras1.h5", hdf5_bytes(file));

  const Model read = load_keras_model(scratch / "keras1.h5");
  CHECK(all_weights(read) == all_weights(net));
  for (std::size_t i = 0; i < net.layers().size(); ++i)
    CHECK(to_text(read.layers()[i]->config()) == to_text(net.layers()[i]->config()));
  net.initialize(9);
  load_weights(net, scratch / "keras1.h5");
  CHECK(all_weights(read) == all_weights(net));

  file.groups[""]["backend"] = {"theano"};
  write_file_atomically(scratch / "keras1.h5", hdf5_bytes(file));
  CHECK_THAT(load_error(net, scratch / "keras1.h5"), Catch::Contains("Theano"));
}

TEST_CASE("a file of weights alone is no model, and says what to do", "[keras_files]") {
  for (const char* const name : {"tiny_sequential.weights.h5", "tiny_functional.keras2_weights.h5"})
    CHECK_THAT(model_error(folder() / name), Catch::Contains(std::string(name) + "] the file holds weights alone"));
}

TEST_CASE("what is saved for Keras is read again to the bit", "[keras_files]") {
  const mien::testing::ScratchFolder scratch;
  for (const nlohmann::json& item : golden().index["cases"]) {
    INFO(item["name"].get<std::string>());
    Model net = network(item);
    load_weights(net, folder() / item["files"]["keras 3 archive"].get<std::string>());
    save_weights(net, scratch / "net.weights.h5");
    save_keras_model(net, scratch / "net.keras");
    const std::string weights = read_file(scratch / "net.weights.h5"), whole = read_file(scratch / "net.keras");

    Model same = network(item);
    load_weights(same, scratch / "net.weights.h5");
    CHECK(all_weights(same) == all_weights(net));
    const Model read = load_keras_model(scratch / "net.keras");
    CHECK(all_weights(read) == all_weights(net));
    CHECK(read.name() == net.name());
    CHECK(read.input_names() == net.input_names());
    check_prediction(read, item);
    for (std::size_t i = 0; i < net.layers().size(); ++i)
      CHECK(read.layers()[i]->config() == net.layers()[i]->config());

    save_weights(read, scratch / "net.weights.h5");
    CHECK(read_file(scratch / "net.weights.h5") == weights);
  }
}

TEST_CASE("a layer that is used twice and two outputs survive a .keras file", "[keras_files]") {
  const mien::testing::ScratchFolder scratch;
  const Symbol left = Input({6, 6, 2}, "left"), right = Input({6, 6, 2}, "right");
  const Layer shared = Conv2D(3, 3, {.name = "shared"});
  const Symbol a = shared(left), b = shared(right);
  Model net({left, right}, {Subtract("difference")({a, b}), Multiply("product")({a, b})}, "twin");
  net.initialize(5);
  save_keras_model(net, scratch / "twin.keras");
  const Model read = load_keras_model(scratch / "twin.keras");
  CHECK(read.layers().size() == 3);
  CHECK(read.parameters().size() == 2);
  const std::vector<Tensor> inputs{Tensor::full({2, 6, 6, 2}, 0.5f), Tensor::full({2, 6, 6, 2}, -0.25f)};
  const NoGrad no_grad;
  const std::vector<Tensor> wanted = net.forward(inputs, {}), got = read.forward(inputs, {});
  REQUIRE(got.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) CHECK(got[i].to_vector() == wanted[i].to_vector());
}

TEST_CASE("a frozen layer stays frozen in a .keras file", "[keras_files]") {
  const mien::testing::ScratchFolder scratch;
  Sequential net = tiny_sequential();
  net.layers()[0]->set_trainable(false);
  save_keras_model(net, scratch / "net.keras");
  const Model read = load_keras_model(scratch / "net.keras");
  CHECK_FALSE(read.layers()[0]->trainable());
  CHECK(read.layers()[1]->trainable());
  CHECK(read.trainable_parameters().size() == net.trainable_parameters().size());
}

TEST_CASE("weights that do not fit are refused with every name and shape, and nothing changes", "[keras_files]") {
  Model net = tiny_functional();
  net.initialize(3);
  const auto before = all_weights(net);
  for (const char* const file : {"tiny_sequential.keras", "tiny_sequential.weights.h5", "tiny_sequential.h5",
                                 "tiny_sequential.legacy_weights.h5", "tiny_sequential.keras2_weights.h5"}) {
    const std::string error = load_error(net, folder() / file);
    INFO(error);
    CHECK_THAT(error, Catch::Contains(file) && Catch::Contains("these are not the weights of the network"));
    CHECK(all_weights(net) == before);
  }
  const std::string keras3 = load_error(net, folder() / "tiny_sequential.weights.h5");
  CHECK_THAT(keras3, Catch::Contains("the network has nothing for \"layers/conv2d/vars/1\" (4)"));
  CHECK_THAT(keras3, Catch::Contains("the file has no \"layers/conv2d_1/vars/0\" for conv2d_1/kernel (1,1,4,4)"));
  CHECK_THAT(keras3, Catch::Contains("\"layers/dense/vars/0\" is (54,5) in the file, dense/kernel is (9,5) in the"));
  const std::string legacy = load_error(net, folder() / "tiny_sequential.legacy_weights.h5");
  CHECK_THAT(legacy, Catch::Contains("the network has nothing for \"conv/") && Catch::Contains("(4)"));

  Sequential unbuilt{Flatten(), Dense(3)};
  CHECK_THAT(load_error(unbuilt, folder() / "tiny_sequential.keras"), Catch::Contains("is not built yet"));
}

TEST_CASE("a layer, a setting or a graph that is not here is refused by name", "[keras_files]") {
  const mien::testing::ScratchFolder scratch;
  const std::string dense = R"({"class_name": "Dense", "config": {"name": "d", "units": 3)";
  const std::vector<std::pair<std::string, std::string>> cases{
      {chain(R"({"class_name": "LSTM", "config": {"name": "memory", "units": 3}})"),
       "layer \"memory\": there is no layer class LSTM here."},
      {chain(dense + R"(, "activation": "gelu"}})"), "layer \"d\" (Dense): activation can be linear"},
      {chain(dense + R"(, "lora_rank": 4}})"), "layer \"d\" (Dense): there is no setting lora_rank here. Got 4."},
      {chain(dense + R"(}})", "[null, null, null, 3]"), "leaves the shape of its input open: [null,null,null,3]"},
      {chain(dense + R"(}})", "[null, 8, 0, 3]"), "should be a list of lengths. Got [null,8,0,3]"},
      {chain(R"({"class_name": "Dense", "config": {"name": "huge", "units": 2000000000}})"),
       "layer \"huge\": [huge] its kernel of shape (3,2000000000) would take more numbers than there are: 0 are left."},
      {chain(R"({"class_name": "Conv2D", "config": {"name": "wide", "filters": 2, "kernel_size": 9}})"),
       "layer \"wide\": [conv2d] a window of 9 cells does not fit the input's height of 8."},
      {chain(dense + R"(}}, )" + dense + R"(}})"), "there are"},
      {R"({"class_name": "Functional", "config": {"layers": [{"class_name": "InputLayer", "name": "i", "config": )"
       R"({"batch_shape": [null, 2]}}, {"class_name": "Flatten", "name": "f", "config": {}, )"
       R"("inbound_nodes": [[["ghost", 0, 0, {}]]]}], "input_layers": ["i", 0, 0], "output_layers": ["f", 0, 0]}})",
       "layer \"f\" reads \"ghost\", which there is not."},
      {R"({"class_name": "Functional", "config": {"layers": [{"class_name": "InputLayer", "name": "i", "config": )"
       R"({"batch_shape": [null, 2]}}, {"class_name": "Flatten", "name": "f", "config": {}, )"
       R"("inbound_nodes": [[["f", 0, 0, {}]]]}], "input_layers": ["i", 0, 0], "output_layers": ["f", 0, 0]}})",
       "layer \"f\" reads values that are never made."},
      {R"({"class_name": "Functional", "config": {"layers": [{"class_name": "InputLayer", "name": "i", "config": )"
       R"({"batch_shape": [null, 2]}}, {"class_name": "Flatten", "name": "f", "config": {}, )"
       R"("inbound_nodes": [[["i", 0, 0, {"training": true}]]]}], "input_layers": ["i", 0, 0], )"
       R"("output_layers": ["f", 0, 0]}})",
       "layer \"f\" is called with training=true, which there is not here."},
      {R"({"class_name": "Bert", "config": {"layers": [1]}})", "the network is a Bert; Sequential and Functional"},
      {std::string(100000, '['), "nested too deeply"},
      {"{\"class_name\": 3", "no JSON as Keras writes it"},
      {"{}", "the description of the network has no class_name."},
  };
  for (const auto& [json, wanted] : cases) {
    write_description(scratch / "net.keras", json);
    CHECK_THAT(model_error(scratch / "net.keras"), Catch::Contains(wanted) && Catch::Contains("net.keras] "));
  }
}

TEST_CASE("an input whose lengths are open takes the shape that is asked for", "[keras_files]") {
  const mien::testing::ScratchFolder scratch;
  write_description(scratch / "net.keras", chain(R"({"class_name": "GlobalAveragePooling2D", "config": {"name": "g"}})",
                                                 "[null, null, null, 3]"));
  CHECK(load_keras_model(scratch / "net.keras", {5, 7, 3}).output_shapes()[0] == Shape{3});
}

TEST_CASE("damaged archives are refused with file, entry and reason", "[keras_files]") {
  const mien::testing::ScratchFolder scratch;
  const std::string good = read_file(folder() / "tiny_sequential.keras");
  const auto error = [&](std::string bytes) {
    write_file_atomically(scratch / "bad.keras", bytes);
    return model_error(scratch / "bad.keras");
  };
  CHECK_THAT(error(good.substr(0, good.size() - 10)), Catch::Contains("bad.keras] no end of a zip archive was found"));
  CHECK_THAT(error(good.substr(0, 5000)), Catch::Contains("truncated"));
  std::string flipped = good;
  flipped[good.find("\x89HDF") + 100] ^= 1;
  CHECK_THAT(error(flipped), Catch::Contains("entry \"model.weights.h5\" is damaged: its checksum differs."));
  std::string compressed = good;
  compressed[good.find("PK\1\2") + 10] = 8;
  CHECK_THAT(error(compressed), Catch::Contains("entry \"metadata.json\" is compressed (method 8)"));
  CHECK_THAT(error("PK\3\4"), Catch::Contains("bad.keras"));
  CHECK_THAT(error("GIF89a"), Catch::Contains("none of Keras's: neither HDF5 nor a zip archive"));
  CHECK_THAT(error(""), Catch::Contains("none of Keras's"));
  CHECK_THAT(model_error(scratch / "absent.keras"), Catch::Contains("absent.keras] could not be read: No such file"));
  CHECK_THAT(model_error(scratch.path()), Catch::Contains("no regular file"));
  write_zip(scratch / "bad.keras", {{"config.json", "{}"}});
  CHECK_THAT(model_error(scratch / "bad.keras"), Catch::Contains("the archive has no \"model.weights.h5\"."));
}

TEST_CASE("a truncated HDF5 file is refused with what the library says of it", "[keras_files]") {
  const mien::testing::ScratchFolder scratch;
  const std::string good = read_file(folder() / "tiny_functional.h5");
  Model net = tiny_functional();
  net.initialize(1);
  const auto before = all_weights(net);
  for (const std::size_t length : {good.size() - 1, good.size() / 2, std::size_t{2000}, std::size_t{100}}) {
    write_file_atomically(scratch / "short.h5", good.substr(0, length));
    const std::string error = load_error(net, scratch / "short.h5");
    INFO(error);
    CHECK_THAT(error, Catch::Contains("short.h5] the file of \"\" cannot be read (HDF5: "));
    CHECK(all_weights(net) == before);
  }
}

TEST_CASE("files are saved under Keras's names, with weights, whole or not at all", "[keras_files]") {
  const mien::testing::ScratchFolder scratch;
  Sequential net = tiny_sequential();
  CHECK_THROWS_WITH(save_weights(net, scratch / "net.h5"), Catch::Contains("be called ….weights.h5"));
  CHECK_THROWS_WITH(save_keras_model(net, scratch / "net.h5"), Catch::Contains("be called ….keras"));
  CHECK_THROWS_WITH(save_weights(tiny_functional(), scratch / "net.weights.h5"), Catch::Contains("no weights yet"));
  Sequential own{Conv2D(2, 3, {.padding = Padding::explicit_cells, .border = {1, 0, 0, 1}, .name = "own"})};
  own.build({5, 5, 1}, 1);
  CHECK_THROWS_WITH(save_keras_model(own, scratch / "own.keras"),
                    Catch::Contains("layer \"own\": Keras's convolutions"));
  CHECK(fs::is_empty(scratch.path()));
  CHECK_THROWS_WITH(save_weights(net, scratch / "none" / "net.weights.h5"), Catch::Contains("could not be written"));
}
