// Training through a whole network: the gradients of its float32 step against finite differences of the same network in
// double precision (double_network.h), with batch normalisation in training mode.
//
// Along a direction d of the weights, the loss changes by sum(gradient * d): that sum is held to the central
// difference. A direction is a sign for each weight times the size of such weights, so its terms add up like a random
// walk: the root of the sum of their squares is what an error is measured by.
#include <catch2/catch.hpp>
#include <cmath>

#include "mien/mien.h"
#include "mien/tests/double_network.h"
#include "mien/tests/formula_weights.h"
#include "mien/tests/golden.h"

using namespace mien;
using reference::Values;
using test::BatchStatistics;
using test::DoubleNetwork;
using test::DoubleWeights;

namespace {

/// A float32 has seven digits; sums of thousands of products, layer behind layer, lose one or two of them.
constexpr double tolerance = 5e-5;

Values doubled(const Tensor& tensor) {
  const std::vector<float> values = tensor.to_vector();
  return Values(values.begin(), values.end());
}

double sum_of_products(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b.at(i);
  return sum;
}

/// A network, a batch, and the step that the library takes: gradients of sum(output * upstream).
class TrainingStep {
 public:
  TrainingStep(const std::string& name, double alpha, double gain, int size, int batch)
      : net_(with_head(name, alpha, size)), batch_(batch) {
    test::set_formula_weights(net_, 3, gain);
    net_.set_fusion(false);  // every layer's output is wanted
    weights_ = test::double_weights(net_);
    const Tensor x = test::formula_tensor({batch, size, size, 3}, 3, 1000000, 1, 0);
    const Tensor upstream = test::formula_tensor(net_.output_shapes()[0].with_batch(batch), 3, 2000000, 1, 0);
    upstream_ = doubled(upstream);
    values_.push_back(doubled(x));
    Call call;
    call.training = true;
    call.step = Tensor::from(std::vector<std::int32_t>{0}, {1});
    call.observer = [&](std::string_view, const Tensor& y) { values_.push_back(doubled(y)); };
    backward(net_.forward(x, call), upstream);
  }

  const Model& net() const { return net_; }
  const DoubleWeights& weights() const { return weights_; }
  const Values& output() const { return values_.back(); }
  Values output_in_double(std::map<std::string, BatchStatistics>* statistics = nullptr) const {
    return DoubleNetwork(net_)(weights_, values_[0], batch_, statistics);
  }

  /// A sign for each of these weights, times the size of those of its tensor.
  DoubleWeights direction(const std::vector<std::shared_ptr<Parameter>>& parameters, std::uint32_t which) const {
    DoubleWeights result;
    std::uint32_t stream = 0;
    for (const auto& parameter : parameters) {
      ++stream;
      Values& values = result[parameter->full_name] = weights_.at(parameter->full_name);
      const double size = std::sqrt(sum_of_products(values, values) / static_cast<double>(values.size()));
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = test::hash_uniform(which, stream, static_cast<std::uint32_t>(i)) < 0 ? -size : size;
    }
    return result;
  }

  struct Change {
    double value = 0;  ///< of the loss along the direction
    double walk = 0;   ///< root of the sum of the squares of its terms
  };

  Change change_by_gradients(const DoubleWeights& direction) const {
    Change change;
    double squares = 0;
    for (const auto& parameter : net_.trainable_parameters()) {
      const auto found = direction.find(parameter->full_name);
      if (found == direction.end()) continue;
      Values terms = doubled(parameter->value.grad());
      for (std::size_t i = 0; i < terms.size(); ++i) terms[i] *= found->second[i];
      for (const double term : terms) change.value += term;
      squares += sum_of_products(terms, terms);
    }
    change.walk = std::sqrt(squares);
    return change;
  }

  /// Of the whole network at once.
  double change_by_difference(const DoubleWeights& direction) const {
    constexpr double h = 1e-7;
    const auto loss = [&](double distance) {
      DoubleWeights moved = weights_;
      for (const auto& [name, steps] : direction)
        for (std::size_t i = 0; i < steps.size(); ++i) moved.at(name)[i] += distance * steps[i];
      return sum_of_products(DoubleNetwork(net_)(moved, values_[0], batch_), upstream_);
    };
    return (loss(h) - loss(-h)) / (2 * h);
  }

  /// Layer by layer.
  double change_by_layers(const DoubleWeights& direction) const {
    return sum_of_products(DoubleNetwork(net_).change(weights_, direction, values_, batch_), upstream_);
  }

 private:
  static Model with_head(const std::string& name, double alpha, int size) {
    const Symbol image = Input({size, size, 3});
    return Model(image, models::imagenet_layers(name, image,
                                                {.include_top = name != "vgg16",  // whose top is 119 million weights
                                                 .classes = 4,
                                                 .classifier_activation = linear,
                                                 .alpha = alpha}));
  }

  Model net_;
  int batch_;
  DoubleWeights weights_;
  Values upstream_;
  std::vector<Values> values_;  // the input, and what each step made in float32
};

}  // namespace

TEST_CASE("imagenet training: in MobileNetV2, the gradient of every weight is the double network's") {
  const TrainingStep step("mobilenet_v2", 0.35, 6, 64, 3);
  std::map<std::string, BatchStatistics> statistics;
  const Values y = step.output_in_double(&statistics);
  REQUIRE(y.size() == step.output().size());
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(step.output()[i] == Approx(y[i]).margin(1e-4));

  // Moving averages went a part of the way to the batch's statistics: 1 - momentum.
  CHECK(statistics.size() == 52);
  for (const auto& [name, batch] : statistics)
    for (const auto& parameter : step.net().layer(name)->parameters()) {
      if (!parameter->buffer) continue;
      INFO(parameter->full_name);
      const Values &before = step.weights().at(parameter->full_name), now = doubled(parameter->value);
      const Values& target = parameter->name == "moving_mean" ? batch.mean : batch.variance;
      for (std::size_t i = 0; i < now.size(); ++i)
        CHECK(now[i] == Approx(0.999 * before[i] + 0.001 * target[i]).margin(2e-6));
    }

  // The whole network's difference, to the few thousandths that the ReLUs leave which float32 opens and double does
  // not.
  const auto parameters = step.net().trainable_parameters();
  for (const std::uint32_t which : {1u, 2u, 3u}) {
    const DoubleWeights direction = step.direction(parameters, which);
    const auto [value, walk] = step.change_by_gradients(direction);
    CHECK(std::abs(value - step.change_by_difference(direction)) < 5e-3 * walk);
  }

  const double typical =
      step.change_by_gradients(step.direction(parameters, 1)).walk / std::sqrt(static_cast<double>(parameters.size()));
  for (const auto& parameter : parameters) {
    INFO(parameter->full_name);
    const DoubleWeights direction = step.direction({parameter}, 1);
    const auto [value, walk] = step.change_by_gradients(direction);
    // What a narrow end adds to all places alike, the next block's normalisation takes away again: its beta has no
    // gradient but by rounding.
    const bool without_effect = parameter->full_name.find("project_BN/beta") != std::string::npos;
    if (without_effect) CHECK(walk < 1e-4 * typical);
    CHECK(std::abs(value - step.change_by_layers(direction)) < tolerance * (without_effect ? typical : walk));
  }
}

TEST_CASE("imagenet training: in all six, the gradient of all weights together is the double network's") {
  struct Case {
    const char* name;
    double gain;
    int size, batch;
  };
  for (const Case& c : {Case{"vgg16", 6, 32, 1},
                        {"mobilenet_v2", 6, 64, 1},
                        {"densenet121", 6, 64, 1},
                        {"resnet50", 6, 64, 1},
                        {"xception", 4, 71, 1},
                        {"inception_v3", 10, 75, 2}}) {
    INFO(c.name);
    const TrainingStep step(c.name, 1, c.gain, c.size, c.batch);
    for (const std::uint32_t which : {1u, 2u}) {
      const DoubleWeights direction = step.direction(step.net().trainable_parameters(), which);
      const auto [value, walk] = step.change_by_gradients(direction);
      const double difference = step.change_by_layers(direction);
      CHECK(std::abs(value - difference) < tolerance * walk);
    }
  }
}
