// Keras's own layers again, now through the classes of layers/: what a layer makes of its settings, its weights and the
// circumstances of the call. The cases are those of layers.json; test_golden_layers.cpp holds the ops against them.
#include <catch2/catch.hpp>
#include <map>

#include "mien/io/safetensors.h"
#include "mien/layers/model.h"
#include "mien/tests/keras_layer.h"
#include "mien/tests/kernel_testing.h"
#include "mien/tests/tested_devices.h"

using namespace mien;
using nlohmann::json;
using test::Awaits;
using test::Coverage;

namespace {

using TensorMap = std::map<std::string, Tensor>;

void check_same(const std::string& role, const Tensor& actual, const TensorMap& roles) {
  INFO(role);
  REQUIRE(actual.defined());
  REQUIRE(roles.contains(role));
  REQUIRE(actual.shape() == roles.at(role).shape());
  testing::check_close(actual.to_vector(), testing::doubled(roles.at(role).to_vector()), 1e-5);
}

/// Gives the layer the weights of the case: each has one, and none is left over.
void set_weights(const Layer& layer, const TensorMap& roles) {
  std::size_t given = 0;
  for (const auto& [role, values] : roles) given += role.starts_with("w.");
  REQUIRE(layer->parameters().size() == given);
  for (const auto& parameter : layer->parameters()) {
    INFO(parameter->name);
    REQUIRE(roles.contains("w." + parameter->name));
    parameter->value.copy_from(roles.at("w." + parameter->name));
  }
}

/// One pass forward and back; the roles of this pass end in `batch`.
void check_pass(const Model& net, const TensorMap& roles, const std::string& batch, bool training, Device device) {
  Tensor x = roles.at("x" + batch).to(device).clone();
  x.set_requires_grad(true);
  for (const auto& parameter : net.parameters()) parameter->value.clear_grad();
  Call call;
  call.training = training;
  call.step = Tensor::from(std::vector<std::int32_t>{0}, {1}, device);
  const Tensor y = net.forward(x, call);
  check_same("y" + batch, y, roles);
  backward(y, roles.at("g" + batch).to(device));
  check_same("dx" + batch, x.grad(), roles);
  for (const auto& parameter : net.parameters()) {
    if (parameter->value.requires_grad())
      check_same("d." + parameter->name + batch, parameter->value.grad(), roles);
    else
      CHECK(!roles.contains("d." + parameter->name + batch));
    if (parameter->buffer && !batch.empty()) check_same(parameter->name + batch, parameter->value, roles);
  }
}

void check_layer(const json& golden, const TensorMap& roles, Device device) {
  const Layer layer = test::keras_layer(golden.at("layer"), golden.at("config"));
  if (golden.value("frozen", false)) layer->set_trainable(false);
  const bool in_batches = golden.contains("batches");
  const Symbol input = Input(roles.at(in_batches ? "x0" : "x").shape().from(1));
  Model net(input, layer(input));
  set_weights(layer, roles);
  net.mark_initialized();
  net.to(device);
  const bool training = golden.value("training", false);
  if (!in_batches) return check_pass(net, roles, "", training, device);
  for (int batch = 0; batch < golden.at("batches").get<int>(); ++batch)
    check_pass(net, roles, std::to_string(batch), training, device);
}

}  // namespace

TEST_CASE("golden layers through the layer classes: outputs, gradients and moving statistics as Keras has them") {
  std::map<std::string, TensorMap> cases;
  for (const NamedTensor& tensor : read_safetensors(test::golden_folder() / "layers.safetensors").tensors) {
    const std::size_t slash = tensor.name.rfind('/');
    cases[tensor.name.substr(0, slash)][tensor.name.substr(slash + 1)] = tensor.value;
  }
  const json index = test::golden_index("layers.json");
  Coverage coverage;
  for (const json& golden : index.at("cases")) {
    if (!golden.contains("layer")) continue;
    const std::string name = golden.at("name");
    REQUIRE(cases.contains(name));
    try {
      for (const Device device : testing::tested_devices()) {
        INFO(name << " on " << device << ": " << golden.dump());
        check_layer(golden, cases.at(name), device);
      }
      ++coverage.covered;
    } catch (const Awaits& reason) {
      coverage.awaiting.push_back(reason.what);
    }
  }
  coverage.print("golden layers through the layer classes");
  CHECK(coverage.covered > 0);
}
