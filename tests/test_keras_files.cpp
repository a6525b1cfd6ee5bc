// Keras's files: what Keras wrote is read to the bit and predicts the same, and what is written is read again.
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
#include "mien/tests/keras_files_testing.h"
#include "mien/train/weights.h"

using namespace mien;
using namespace mien::testing;
namespace fs = std::filesystem;

namespace {

struct Golden {
  nlohmann::json index = test::golden_index("weights/weights.json");
  WeightsFile tensors = read_safetensors(golden_weights() / "weights.safetensors");
  Tensor tensor(const std::string& model, const std::string& role) const {
    return find(tensors.tensors, model + '/' + role);
  }
};

const Golden& golden() {
  static const Golden loaded;
  return loaded;
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

}  // namespace

TEST_CASE("weights that Keras wrote are read to the bit into a network of our own, and predict the same",
          "[keras_files]") {
  int files = 0;
  for (const nlohmann::json& item : golden().index["cases"]) {
    for (const auto& [kind, file] : item["files"].items()) {
      const fs::path path = golden_weights() / file.get<std::string>();
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
      const Model net = load_keras_model(golden_weights() / file.get<std::string>());
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
    CHECK_THAT(model_error(golden_weights() / name),
               Catch::Contains(std::string(name) + "] the file holds weights alone"));
}

TEST_CASE("what is saved for Keras is read again to the bit", "[keras_files]") {
  const mien::testing::ScratchFolder scratch;
  for (const nlohmann::json& item : golden().index["cases"]) {
    INFO(item["name"].get<std::string>());
    Model net = network(item);
    load_weights(net, golden_weights() / item["files"]["keras 3 archive"].get<std::string>());
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
