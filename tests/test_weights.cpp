// Weights files: what is saved comes back, and what does not fit is named in full.
#include <catch2/catch.hpp>

#include "child_process.h"
#include "mien/layers/layers.h"
#include "mien/train/weights.h"

using namespace mien;
using namespace mien::testing;
using Catch::Matchers::Contains;

namespace {

Sequential small_network(int filters, std::uint64_t seed) {
  Sequential net{Conv2D(filters, 3), BatchNormalization(), Flatten(), Dense(3)};
  net.build({6, 6, 1}, seed);
  return net;
}

}  // namespace

TEST_CASE("weights, buffers and metadata come back as they were saved") {
  const ScratchFolder folder;
  Sequential net = small_network(4, 1), other = small_network(4, 2);
  save(net, folder / "net.safetensors", {{"classes", "three"}});
  CHECK(load(other, folder / "net.safetensors") == Metadata{{"classes", "three"}});
  REQUIRE(net.parameters().size() == other.parameters().size());
  for (std::size_t i = 0; i < net.parameters().size(); ++i)
    CHECK((net.parameters()[i]->value.to_vector() == other.parameters()[i]->value.to_vector()));
}

TEST_CASE("a network whose weights were never drawn takes them from a file") {
  const ScratchFolder folder;
  const Sequential net = small_network(4, 1);
  save(net, folder / "net.safetensors");
  const Symbol input = Input({6, 6, 1});
  Model model(input, Dense(3)(Flatten()(BatchNormalization()(Conv2D(4, 3)(input)))));
  REQUIRE(!model.is_initialized());
  CHECK_THROWS_WITH(save(model, folder / "empty.safetensors"), Contains("has no weights yet"));
  load(model, folder / "net.safetensors");
  CHECK(model.is_initialized());
  const Tensor picture = Tensor::full({1, 6, 6, 1}, 0.5f);
  CHECK((model(picture).to_vector() == net(picture).to_vector()));
}

TEST_CASE("a file of another network is refused with every mismatch, and nothing is changed") {
  const ScratchFolder folder;
  WeightsFile file;
  for (const auto& parameter : small_network(5, 1).parameters())
    if (parameter->full_name != "dense/bias") file.tensors.push_back({parameter->full_name, parameter->value});
  file.tensors.push_back({"dense_1/bias", Tensor::zeros({9})});
  Sequential net = small_network(4, 2);
  const std::vector<float> before = net.parameters()[0]->value.to_vector();
  CHECK_THROWS_WITH(load(net, file, "other"),
                    Contains("[other]") &&
                        Contains("conv2d/kernel is (3,3,1,5) in the file, (3,3,1,4) in the network") &&
                        Contains("dense/kernel is (80,3) in the file, (64,3) in the network") &&
                        Contains("the file has no dense/bias (3)") && Contains("the network has no dense_1/bias (9)"));
  CHECK((net.parameters()[0]->value.to_vector() == before));
}
