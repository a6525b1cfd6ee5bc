// Whole trainings against Keras's: the same network, weights, pictures and order must give the same losses and the same
// weights. The runs come from training.json and training.safetensors (golden.h says from where).
//
// A ReLU or a maximum that flips by rounding moves all that follows, so runs that have one are held closely only in
// their first epoch; later ones as far as Keras's own runs drift apart (`sensitivity`). Runs without are held closely
// to their end.
#include <catch2/catch.hpp>
#include <cmath>
#include <memory>
#include <set>

#include "mien/io/safetensors.h"
#include "mien/tests/keras_layer.h"
#include "mien/tests/keras_optimizer.h"
#include "mien/tests/tested_devices.h"
#include "mien/train/fit.h"

using namespace mien;
using nlohmann::json;
using test::Awaits;
using test::Coverage;

namespace {

using Tensors = std::vector<NamedTensor>;
using Weights = std::vector<Tensor>;

/// The layers of a run whose outputs are logits: the softmax at the end belongs to the loss of fit().
std::vector<Layer> layers_of(const json& golden) {
  std::vector<Layer> layers;
  const json& rows = golden.at("layers");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string kind = rows[i].at(0);
    json config = rows[i].at(1);
    if (kind == "Dropout" && config.at("rate").get<float>() != 0) throw Awaits{"the masks of Keras's Dropout"};
    if (i + 1 == rows.size()) {
      const bool ends_in_softmax = kind == "Softmax" || config.value("activation", "") == "softmax";
      if (!ends_in_softmax) throw Awaits{"a loss of what is no softmax"};
      if (config.contains("activity_regularizer")) throw Awaits{"an activity regularizer of probabilities"};
      if (kind == "Softmax") break;
      config["activation"] = "linear";
    }
    layers.push_back(test::keras_layer(kind, config));
  }
  return layers;
}

/// Whether a run has no bend and no maximum that rounding could flip.
bool is_smooth(const json& golden) {
  static const std::set<std::string> bends{"MaxPooling2D", "ReLU",       "LeakyReLU",    "relu",
                                           "relu6",        "leaky_relu", "hard_sigmoid", "hard_tanh"};
  for (const json& row : golden.at("layers"))
    if (bends.contains(row.at(0)) || bends.contains(row.at(1).value("activation", "linear"))) return false;
  return true;
}

Weights weights_of(const Tensors& tensors, const json& golden, const std::string& when) {
  Weights weights;
  for (std::size_t i = 0; i < golden.at("weights").size(); ++i) {
    weights.push_back(find(tensors, join(golden.at("name").get<std::string>(), "/", when, ".", i)));
    INFO(when << "." << i);
    REQUIRE(weights.back().defined());
  }
  return weights;
}

Weights weights_of(const Model& net) {
  Weights weights;
  for (const auto& parameter : net.parameters()) weights.push_back(parameter->value.detach().to(Device::cpu).clone());
  return weights;
}

Dataset data_set(const Tensors& tensors, const std::string& part, int classes) {
  LabelledImages all;
  all.images = find(tensors, "data/" + part + "_x");
  all.labels = find(tensors, "data/" + part + "_y").to_vector<std::int32_t>();
  for (int i = 0; i < classes; ++i) all.class_names.push_back(std::to_string(i));
  return Dataset(std::move(all));
}

/// Keeps the weights that the first step leaves.
class AfterFirstStep : public CallbackModule {
 public:
  Weights weights;
  void on_batch_end(Training& training) override {
    if (weights.empty()) weights = weights_of(training.model());
  }
};

struct Result {
  History history;
  Weights first, final;
};

/// Trains as Keras did, or takes the first step alone.
Result train(const json& golden, const Tensors& tensors, Device device, bool one_step) {
  std::string missing;
  const std::optional<Optimizer> optimizer = test::make_optimizer(golden.at("optimizer"), missing);
  if (!optimizer) throw Awaits{missing};
  Sequential net(layers_of(golden));
  net.build(find(tensors, "data/train_x").shape().from(1), 1);
  const Weights initial = weights_of(tensors, golden, "initial");
  const auto parameters = net.parameters();
  REQUIRE(parameters.size() == initial.size());
  for (std::size_t i = 0; i < initial.size(); ++i) {
    REQUIRE(parameters[i]->full_name == golden.at("weights").at(i));
    parameters[i]->value.copy_from(initial[i]);
  }
  const auto classes = static_cast<int>(net.output_shapes().at(0)[0]);
  const auto first = std::make_shared<AfterFirstStep>();
  FitOptions options;
  options.epochs = golden.at("epochs");
  options.batch = golden.at("batch");
  options.optimizer = *optimizer;
  options.callbacks = {Callback(first)};
  options.label_smoothing = golden.value("label_smoothing", 0.0f);
  options.class_weights = golden.value("class_weight", std::vector<float>());
  options.shuffle = false;
  options.device = device;
  if (one_step)
    options.should_stop = [] { return true; };
  else
    options.validation = data_set(tensors, "validation", classes);
  Result result;
  result.history = fit(net, data_set(tensors, "train", classes), options);
  result.first = first->weights;
  result.final = weights_of(net);
  return result;
}

void check_weights(const std::string& when, const Weights& actual, const json& golden, const Tensors& tensors,
                   double tolerance) {
  const Weights expected = weights_of(tensors, golden, when);
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    INFO(when << " of " << golden.at("weights").at(i));
    REQUIRE(actual[i].shape() == expected[i].shape());
    const std::vector<float> values = actual[i].to_vector(), keras = expected[i].to_vector();
    double farthest = 0;
    for (std::size_t k = 0; k < values.size(); ++k) {
      const double distance = std::abs(double{values[k]} - keras[k]);
      if (!(distance <= farthest)) farthest = distance;  // so that a NaN stays
    }
    CHECK(farthest <= tolerance);
  }
}

void check_near(const std::string& what, double value, double keras, double tolerance) {
  INFO(what << " " << value << ", Keras's " << keras << ", allowed " << tolerance);
  CHECK(std::abs(value - keras) <= tolerance);
}

void check_first_step(const Result& result, const json& golden, const Tensors& tensors) {
  check_near("the first loss", result.history.batch_losses.at(0), golden.at("batch_loss").at(0).at(0), 1e-5);
  // Adam makes a visible step of a gradient near zero, and so of its rounding.
  const bool adam = golden.at("optimizer").at("class").get<std::string>().starts_with("Adam");
  check_weights("first", result.first, golden, tensors, adam ? 5e-5 : 1e-6);
}

/// How far a figure of that epoch may lie from Keras's.
double tolerance_of(const json& golden, const std::string& figure, std::size_t epoch) {
  if (is_smooth(golden)) return 5e-5;
  return epoch == 0 ? 5e-4 : 5 * golden.at("sensitivity").at(figure).at(epoch).get<double>() + 0.01;
}

void check_history(const History& history, const json& golden) {
  const json& figures = golden.at("history");
  const std::vector<int> batch_sizes = golden.at("batch_sizes");
  const std::size_t batches = batch_sizes.size();
  REQUIRE(history.epochs.size() == golden.at("epochs"));
  REQUIRE(history.batch_losses.size() == batches * history.epochs.size());
  for (std::size_t epoch = 0; epoch < history.epochs.size(); ++epoch) {
    INFO("epoch " << epoch);
    for (const auto& [figure, keras] : figures.items())
      check_near(figure, history.epochs[epoch].figure(figure), keras.at(epoch), tolerance_of(golden, figure, epoch));
    double sum = 0;
    int images = 0;
    for (std::size_t batch = 0; batch < batches; ++batch) {
      sum += history.batch_losses[epoch * batches + batch] * batch_sizes[batch];
      images += batch_sizes[batch];
      check_near(join("the running loss of batch ", batch), sum / images, golden.at("running_loss").at(epoch).at(batch),
                 tolerance_of(golden, "running_loss", epoch));
    }
  }
}

void check_run(const json& golden, const Tensors& tensors) {
  const Result result = train(golden, tensors, Device::cpu, false);
  check_first_step(result, golden, tensors);
  check_history(result.history, golden);
  const double drift = 5 * golden.at("sensitivity").at("weights").get<double>() + 0.01 +
                       0.2 * golden.at("weights_moved_by").get<double>();
  check_weights("final", result.final, golden, tensors, is_smooth(golden) ? 5e-5 : drift);
}

/// Calls `check` with every run that has all it needs.
template <class Check>
void with_every_run(const char* what, const Check& check) {
  const json index = test::golden_index("training.json");
  const Tensors tensors = read_safetensors(test::golden_folder() / "training.safetensors").tensors;
  Coverage coverage;
  for (const json& golden : index.at("cases")) {
    const std::string name = golden.at("name");
    INFO(name);
    try {
      check(golden, tensors);
      ++coverage.covered;
    } catch (const Awaits& reason) {
      coverage.awaiting.push_back(join(name, " (", reason.what, ")"));
    }
  }
  coverage.print(what);
  CHECK(coverage.covered > 0);
}

}  // namespace

TEST_CASE("golden training: first step, every loss, history and final weights are Keras's") {
  with_every_run("golden training", check_run);
}

TEST_CASE("golden training on the other devices: the first step is Keras's") {
  if (testing::tested_devices().size() == 1) return;
  with_every_run("golden training, first steps on the other devices", [](const json& golden, const Tensors& tensors) {
    for (const Device device : testing::tested_devices()) {
      if (device == Device::cpu) continue;
      INFO(device);
      check_first_step(train(golden, tensors, device, true), golden, tensors);
    }
  });
}
