#include "mien/models/preprocessing.h"

#include <vector>

#include "mien/core/nearest_name.h"
#include "mien/kernels/error.h"
#include "mien/layers/elementwise.h"
#include "mien/layers/normalization.h"
#include "mien/layers/shaping.h"

namespace mien::models {
namespace {

constexpr Preprocessing all_modes[] = {Preprocessing::none, Preprocessing::unit, Preprocessing::tf,
                                       Preprocessing::torch, Preprocessing::caffe};

void check_colour(const Symbol& pixels, Preprocessing mode) {
  const Shape& shape = pixels.shape();
  check(shape.rank() == 3 && shape[2] == 3, "preprocess", name_of(mode),
        " needs pictures of three channels. Got pictures of shape ", shape, ".");
}

}  // namespace

Symbol preprocess(const Symbol& pixels, Preprocessing mode) {
  switch (mode) {
    case Preprocessing::none:
      return pixels;
    case Preprocessing::unit:
      return Rescaling(1 / 255.0f)(pixels);
    case Preprocessing::tf:
      return Rescaling(1 / 127.5f, -1)(pixels);
    case Preprocessing::torch:
      check_colour(pixels, mode);
      return Normalization(
          {.mean = {0.485f, 0.456f, 0.406f}, .variance = {0.229f * 0.229f, 0.224f * 0.224f, 0.225f * 0.225f}})(
          Rescaling(1 / 255.0f)(pixels));
    case Preprocessing::caffe:
      check_colour(pixels, mode);
      return Normalization({.mean = {103.939f, 116.779f, 123.68f}, .variance = {1, 1, 1}})(ReverseChannels()(pixels));
  }
  fail("preprocess", "unknown mode ", static_cast<int>(mode), ".");
}

std::string_view name_of(Preprocessing mode) {
  constexpr std::string_view names[] = {"none", "unit", "tf", "torch", "caffe"};
  return names[static_cast<std::size_t>(mode)];
}

Preprocessing parse_preprocessing(std::string_view name) {
  std::vector<std::string> names;
  for (const Preprocessing mode : all_modes) {
    if (name == name_of(mode)) return mode;
    names.emplace_back(name_of(mode));
  }
  fail("preprocess", "there is no preprocessing \"", name, "\". The nearest name is \"", nearest_name(name, names),
       "\".");
}

}  // namespace mien::models
