// Augmentation against Keras's ImageDataGenerator: tests/golden/augmentation.json.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "mien/data/augmentation.h"
#include "mien/io/safetensors.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/layers/model.h"
#include "mien/models/preprocessing.h"
#include "mien/tests/golden_config.h"
#include "mien/tests/keras_layer.h"

using namespace mien;
using nlohmann::json;
using test::Awaits;
using test::Config;
using test::Coverage;

namespace {

/// What no case of this tree needs, and others' might.
const char* const higher_splines = "splines of order 2 and more";

bool truth(const json& value) { return value.is_boolean() ? value.get<bool>() : value.get<double>() != 0; }

PictureTransform transform_of(const json& params) {
  Config config(params);
  PictureTransform transform;
  config.read("theta", transform.rotation).read("tx", transform.height_shift).read("ty", transform.width_shift);
  config.read("shear", transform.shear).read("zx", transform.width_zoom).read("zy", transform.height_zoom);
  if (const auto value = config.take("flip_horizontal")) transform.flip_horizontal = truth(*value);
  if (const auto value = config.take("flip_vertical")) transform.flip_vertical = truth(*value);
  const auto read_optional = [&](const char* key, std::optional<double>& field) {
    const auto value = config.take(key);
    if (value && !value->is_null()) field = value->get<double>();
  };
  read_optional("channel_shift_intensity", transform.channel_shift);
  read_optional("brightness", transform.brightness);
  if (!config.rest().empty()) throw Awaits{config.rest()};
  return transform;
}

FillMode fill_mode(const std::string& name) {
  if (name == "nearest") return FillMode::nearest;
  if (name == "constant") return FillMode::constant;
  if (name == "reflect") return FillMode::reflect;
  if (name == "wrap") return FillMode::wrap;
  throw Awaits{"fill mode " + name};
}

AugmentationOptions options_of(const json& entry) {
  AugmentationOptions options{.rules = AugmentationRules::keras};
  options.fill = fill_mode(entry.at("fill_mode"));
  options.fill_value = entry.at("cval");
  if (entry.at("order") != 0 && entry.at("order") != 1) throw Awaits{higher_splines};
  options.interpolation = entry.at("order") == 0 ? Interpolation::nearest : Interpolation::linear;
  return options;
}

/// The picture as bytes; nothing where it is not made of whole numbers from 0 to 255.
Tensor as_bytes(const Tensor& picture) {
  std::vector<std::uint8_t> bytes;
  for (const float value : picture.to_vector()) {
    if (value < 0 || value > 255 || value != std::floor(value)) return {};
    bytes.push_back(static_cast<std::uint8_t>(value));
  }
  return Tensor::from(bytes, picture.shape());
}

/// Within 1e-3 of Keras's values. Brightness cuts to whole numbers before and after it multiplies: there one value in a
/// hundred may be one off before, and so by the factor after.
void check_values(const Tensor& got, const Tensor& expected, std::optional<double> brightness) {
  REQUIRE(got.shape() == expected.shape());
  const std::vector<float> values = got.to_vector(), wanted = expected.to_vector();
  std::size_t one_off = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float difference = std::abs(values[i] - wanted[i]);
    if (difference <= 1e-3f) continue;
    INFO("value " << i << " is " << values[i] << ", Keras's " << wanted[i]);
    REQUIRE(brightness);
    CHECK(difference <= std::max(1.0, std::ceil(*brightness)) + 1e-3);
    ++one_off;
  }
  CHECK(one_off * 100 <= values.size());
}

/// Draws that were written down, handed out again; each must be asked for as it was then.
class ReplayedDraws : public DrawSource {
 public:
  explicit ReplayedDraws(const json& calls) : calls_(calls) {}

  double uniform(double low, double high) override {
    if (pending_.empty()) {
      const json& call = next();
      if (call.at(0) == "random") {
        CHECK(low == 0);
        CHECK(high == 1);
        return call.at(2);
      }
      REQUIRE(call.at(0) == "uniform");
      CHECK(call.at(1).at(0).get<double>() == Approx(low));
      CHECK(call.at(1).at(1).get<double>() == Approx(high));
      if (call.at(2).is_number()) return call.at(2);
      pending_ = call.at(2).get<std::vector<double>>();
    }
    const double value = pending_.front();
    pending_.erase(pending_.begin());
    return value;
  }

  int below(int count) override {
    const json& call = next();
    REQUIRE(call.at(0) == "choice");
    const json& from = call.at(1).at(0);
    if (from.is_number()) {
      CHECK(from.get<int>() == count);
      return call.at(2);
    }
    REQUIRE(static_cast<int>(from.size()) == count);
    for (int i = 0; i < count; ++i)
      if (from.at(static_cast<std::size_t>(i)) == call.at(2)) return i;
    FAIL("a choice that was not among those given");
    return 0;
  }

  bool all_taken() const { return place_ == calls_.size() && pending_.empty(); }

 private:
  const json& next() {
    REQUIRE(place_ < calls_.size());
    return calls_.at(place_++);
  }
  json calls_;
  std::size_t place_ = 0;
  std::vector<double> pending_;
};

/// A whole number n stands for Keras's choice(n): 0 … n-1.
ShiftRange shift_range(const json& value) {
  if (value.is_array()) return value.get<std::vector<double>>();
  if (!value.is_number_integer()) return value.get<double>();
  std::vector<double> choices;
  for (int i = 0; i < value.get<int>(); ++i) choices.push_back(i);
  return choices;
}

FactorRange factor_range(const json& value) {
  if (value.is_array()) return {value.at(0).get<double>(), value.at(1).get<double>()};
  return value.get<double>();
}

AugmentationOptions generator_options(const json& generator) {
  Config config(generator);
  AugmentationOptions options{.rules = AugmentationRules::keras};
  config.read("rotation_range", options.rotation).read("shear_range", options.shear);
  config.read("channel_shift_range", options.channel_shift);
  config.read("horizontal_flip", options.horizontal_flip).read("vertical_flip", options.vertical_flip);
  if (const auto value = config.take("width_shift_range")) options.width_shift = shift_range(*value);
  if (const auto value = config.take("height_shift_range")) options.height_shift = shift_range(*value);
  if (const auto value = config.take("zoom_range")) options.zoom = factor_range(*value);
  if (const auto value = config.take("brightness_range")) options.brightness = factor_range(*value);
  if (!config.rest().empty()) throw Awaits{config.rest()};
  return options;
}

void check_draws(const json& entry) {
  const AugmentationOptions options = generator_options(entry.at("config"));
  ReplayedDraws draws(entry.at("calls"));
  const PictureTransform got = draw_transform(options, entry.at("shape").at(0), entry.at("shape").at(1), draws);
  CHECK(draws.all_taken());
  const PictureTransform wanted = transform_of(entry.at("params"));
  CHECK(got.rotation == Approx(wanted.rotation));
  CHECK(got.height_shift == Approx(wanted.height_shift));
  CHECK(got.width_shift == Approx(wanted.width_shift));
  CHECK(got.shear == Approx(wanted.shear));
  CHECK(got.width_zoom == Approx(wanted.width_zoom));
  CHECK(got.height_zoom == Approx(wanted.height_zoom));
  CHECK(got.flip_horizontal == wanted.flip_horizontal);
  CHECK(got.flip_vertical == wanted.flip_vertical);
  REQUIRE(got.channel_shift.has_value() == wanted.channel_shift.has_value());
  if (got.channel_shift) CHECK(*got.channel_shift == Approx(*wanted.channel_shift));
  REQUIRE(got.brightness.has_value() == wanted.brightness.has_value());
  if (got.brightness) CHECK(*got.brightness == Approx(*wanted.brightness));
}

/// What the entry says, behind the input; `x` is the data that a layer may have to be adapted to.
Symbol preprocessed(const Symbol& input, const json& entry, const Tensor& x) {
  const json& config = entry.at("config");
  if (entry.at("layer") == "preprocess_input")
    return models::preprocess(input, models::parse_preprocessing(config.at("mode").get<std::string>()));
  if (config.value("adapt", false)) return Normalization::adapted_to(x)(input);
  return test::keras_layer(entry.at("layer"), config)(input);
}

}  // namespace

TEST_CASE("golden augmentation: every transform gives ImageDataGenerator's values, under each instruction set",
          "[augmentation][golden]") {
  const json index = test::golden_index("augmentation.json");
  const std::vector<NamedTensor> tensors = read_safetensors(test::golden_folder() / "augmentation.safetensors").tensors;
  Coverage coverage;
  const auto before = kernels::cpu::instruction_set();
  for (const json& entry : index.at("cases")) {
    const std::string name = entry.at("name");
    try {
      const PictureTransform transform = transform_of(entry.at("params"));
      const AugmentationOptions options = options_of(entry);
      const Tensor picture = find(tensors, "image/" + std::to_string(entry.at("image").get<int>()));
      const Tensor expected = find(tensors, name + "/y");
      REQUIRE(picture.defined());
      REQUIRE(expected.defined());
      for (const auto set : kernels::cpu::supported_instruction_sets()) {
        kernels::cpu::use_instruction_set(set);
        for (const Tensor& input : {picture, as_bytes(picture)}) {
          if (!input.defined()) continue;
          INFO(name << ", " << input.dtype() << ", " << kernels::cpu::name(set));
          check_values(apply_transform(transform, options, input), expected, transform.brightness);
        }
      }
      ++coverage.covered;
    } catch (const Awaits& awaits) {
      coverage.awaiting.push_back(awaits.what);
    }
  }
  kernels::cpu::use_instruction_set(before);
  // Whatever else a transform asks for is there: a case that is left out for another reason is a failure.
  for (const std::string& reason : coverage.awaiting) CHECK(reason == higher_splines);
  coverage.print("golden augmentation");
  CHECK(coverage.covered > 0);
}

TEST_CASE("golden augmentation: the draws are ImageDataGenerator's, one by one", "[augmentation][golden]") {
  const json index = test::golden_index("augmentation.json");
  Coverage coverage;
  for (const json& entry : index.at("draws")) {
    INFO(entry.dump());
    try {
      check_draws(entry);
      ++coverage.covered;
    } catch (const Awaits& awaits) {
      coverage.awaiting.push_back(awaits.what);
    }
  }
  coverage.print("golden draws");
  CHECK(coverage.awaiting.empty());
  CHECK(coverage.covered > 0);
}

TEST_CASE("golden augmentation: Keras's preprocessing layers and preprocess_input give its values",
          "[augmentation][golden]") {
  const json index = test::golden_index("augmentation.json");
  const std::vector<NamedTensor> tensors = read_safetensors(test::golden_folder() / "augmentation.safetensors").tensors;
  Coverage coverage;
  for (const json& entry : index.at("preprocessing")) {
    const std::string name = entry.at("name");
    INFO(name);
    try {
      const Tensor x = find(tensors, name + "/x"), expected = find(tensors, name + "/y");
      REQUIRE(x.defined());
      REQUIRE(expected.defined());
      const Symbol input = Input(x.shape().from(1));
      Model net(input, preprocessed(input, entry, x));
      net.mark_initialized();
      check_values(net.forward(x, {}), expected, {});
      ++coverage.covered;
    } catch (const Awaits& awaits) {
      coverage.awaiting.push_back(awaits.what);
    }
  }
  coverage.print("golden preprocessing");
  CHECK(coverage.awaiting.empty());
  CHECK(coverage.covered > 0);
}
