// The optimizers and schedules against Keras: tests/golden/optimizers.json.
#include <catch2/catch.hpp>
#include <cmath>
#include <optional>
#include <set>

#include "mien/core/autograd.h"
#include "mien/io/safetensors.h"
#include "mien/tests/keras_optimizer.h"
#include "mien/tests/tested_devices.h"

using namespace mien;
using nlohmann::json;
using test::Coverage;
using test::make_optimizer;
using test::make_schedule;

namespace {

/// The file's tolerance.
void check_close(double value, double expected) {
  INFO("value " << value << ", Keras " << expected);
  CHECK(std::abs(value - expected) <= 2e-6 + 1e-5 * std::abs(expected));
}

/// Row `index` of the first axis, without that axis.
Tensor row(const Tensor& tensor, std::int64_t index) {
  Shape shape;
  for (int axis = 1; axis < tensor.shape().rank(); ++axis) shape.append(tensor.shape()[axis]);
  return tensor.slice(index, index + 1).with_shape(shape);
}

/// Walks through the steps of one case, as Keras did.
void check_case(const json& entry, Optimizer optimizer, const std::vector<NamedTensor>& tensors, Device device) {
  const std::string name = entry.at("name");
  const std::set<std::string> no_decay = entry.at("no_decay");
  const std::vector<std::string> roles{"kernel", "bias"};
  std::vector<Tensor> weights, values, gradients;
  std::vector<bool> excluded;
  for (const std::string& role : roles) {
    values.push_back(find(tensors, name + "/" + role));
    gradients.push_back(find(tensors, name + "/d." + role));
    REQUIRE(values.back().defined());
    REQUIRE(gradients.back().defined());
    weights.push_back(row(values.back(), 0).clone().to(device));
    weights.back().set_requires_grad(true);
    excluded.push_back(no_decay.count(role) > 0);
  }
  optimizer.bind(weights, excluded);
  const std::int64_t steps = gradients[0].shape()[0];
  REQUIRE(steps > 0);
  for (std::int64_t step = 0; step < steps; ++step) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i].clear_grad();
      accumulate(*weights[i].node(), row(gradients[i], step).to(device));
    }
    optimizer.step();
    CHECK(optimizer.iterations() == step + 1);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      INFO(name << ", " << roles[i] << " after step " << step + 1 << " on " << device);
      const std::vector<float> after = weights[i].to_vector(), expected = row(values[i], step + 1).to_vector();
      REQUIRE(after.size() == expected.size());
      for (std::size_t k = 0; k < after.size(); ++k) check_close(after[k], expected[k]);
    }
  }
  if (!optimizer.has_averages()) return;
  optimizer.swap_averages();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    INFO(name << ", running mean of " << roles[i] << " on " << device);
    const std::vector<float> mean = weights[i].to_vector();
    const std::vector<float> expected = find(tensors, name + "/" + roles[i] + ".averaged").to_vector();
    REQUIRE(mean.size() == expected.size());
    for (std::size_t k = 0; k < mean.size(); ++k) check_close(mean[k], expected[k]);
  }
}

}  // namespace

TEST_CASE("golden optimizers: every step lands where Keras's does") {
  const json index = test::golden_index("optimizers.json");
  const std::vector<NamedTensor> tensors = read_safetensors(test::golden_folder() / "optimizers.safetensors").tensors;
  Coverage coverage;
  for (const json& entry : index.at("cases")) {
    std::string missing;
    const std::optional<Optimizer> optimizer = make_optimizer(entry, missing);
    if (!optimizer) {
      coverage.awaiting.push_back(entry.at("name").get<std::string>() + " (" + missing + ")");
      continue;
    }
    for (const Device device : testing::tested_devices()) check_case(entry, *optimizer, tensors, device);
    ++coverage.covered;
  }
  coverage.print("golden optimizers");
  CHECK(coverage.covered > 0);
}

TEST_CASE("golden schedules: every learning rate is Keras's") {
  Coverage coverage;
  const json index = test::golden_index("optimizers.json");
  for (const json& entry : index.at("schedules")) {
    std::string missing;
    const Schedule schedule = make_schedule(entry, missing);
    if (!schedule) {
      coverage.awaiting.push_back(missing);
      continue;
    }
    const std::vector<std::int64_t> steps = entry.at("steps");
    const std::vector<double> values = entry.at("values");
    REQUIRE(steps.size() == values.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
      INFO(entry.at("class") << " " << entry.at("config") << " at step " << steps[i]);
      check_close(schedule(steps[i]), values[i]);
    }
    ++coverage.covered;
  }
  coverage.print("golden schedules");
  CHECK(coverage.covered > 0);
}
