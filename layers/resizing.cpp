#include "mien/layers/resizing.h"

#include <algorithm>

#include "mien/core/ops/scale_bytes.h"
#include "mien/core/ops/zero_pad2d.h"
#include "mien/layers/config_parts.h"

namespace mien {
namespace {

int side(std::int64_t length) { return narrow(length, "Resizing"); }

Tensor as_floats(const Tensor& x) { return x.dtype() == DType::uint8 ? scale_bytes(x, 1) : x; }

/// The part in the middle; where the rest is odd, one more is cut at the end.
Tensor middle(const Tensor& x, int height, int width) {
  const int rows = side(x.shape()[1]) - height, columns = side(x.shape()[2]) - width;
  return crop2d(x, {rows / 2, rows - rows / 2, columns / 2, columns - columns / 2});
}

/// The largest part in the middle whose sides stand as those of `size`, rounded as Keras does.
Tensor cropped_to_aspect(const Tensor& x, Extent2d size) {
  const int height = side(x.shape()[1]), width = side(x.shape()[2]);
  const auto fit = [](int other, int wanted, int wanted_other, int most) {
    return std::clamp(static_cast<int>(static_cast<double>(other) * wanted / wanted_other), 1, most);
  };
  return middle(x, fit(width, size.height, size.width, height), fit(height, size.width, size.height, width));
}

/// With zeros beside it, so that its sides stand as those of `size`.
Tensor padded_to_aspect(const Tensor& x, Extent2d size) {
  const int height = side(x.shape()[1]), width = side(x.shape()[2]);
  const auto room = [](int other, int wanted, int wanted_other, int least) {
    return std::max(static_cast<int>(static_cast<double>(other) * wanted / wanted_other), least) - least;
  };
  const int rows = room(width, size.height, size.width, height), columns = room(height, size.width, size.height, width);
  return zero_pad2d(x, {rows / 2, rows - rows / 2, columns / 2, columns - columns / 2});
}

class ResizingModule : public Module {
 public:
  ResizingModule(Extent2d size, ResizingOptions options) : size_(size), options_(std::move(options)) {
    check(size.height >= 1 && size.width >= 1, kind(), "the size must be at least 1x1. Got ", size, ".");
    set_name(options_.name);
  }
  std::string kind() const override { return "Resizing"; }
  LayerConfig config() const override {
    constexpr const char* names[] = {"nearest", "bilinear", "area"};
    LayerConfig config = begin_config();
    config.add("height", size_.height).add("width", size_.width);
    config.add("interpolation", names[static_cast<int>(options_.resampling)]).add("antialias", options_.antialias);
    config.add("crop_to_aspect_ratio", options_.aspect_ratio == AspectRatio::crop);
    config.add("pad_to_aspect_ratio", options_.aspect_ratio == AspectRatio::pad);
    return config.add("data_format", "channels_last");
  }
  Shape output_shape(const std::vector<Shape>& inputs) const override {
    return {size_.height, size_.width, single_input(inputs, 3)[2]};
  }
  Tensor forward(const std::vector<Tensor>& inputs, const Call&) override {
    const Tensor x = as_floats(inputs.at(0));
    return resize2d(options_.aspect_ratio == AspectRatio::crop  ? cropped_to_aspect(x, size_)
                    : options_.aspect_ratio == AspectRatio::pad ? padded_to_aspect(x, size_)
                                                                : x,
                    size_, {.resampling = options_.resampling, .antialias = options_.antialias});
  }
  std::shared_ptr<Module> clone() const override { return std::make_shared<ResizingModule>(*this); }

 private:
  Extent2d size_;
  ResizingOptions options_;
};

class CenterCropModule : public Module {
 public:
  CenterCropModule(Extent2d size, std::string name) : size_(size) {
    check(size.height >= 1 && size.width >= 1, kind(), "the size must be at least 1x1. Got ", size, ".");
    set_name(std::move(name));
  }
  std::string kind() const override { return "CenterCrop"; }
  LayerConfig config() const override {
    LayerConfig config = begin_config();
    return config.add("height", size_.height).add("width", size_.width).add("data_format", "channels_last");
  }
  Shape output_shape(const std::vector<Shape>& inputs) const override {
    return {size_.height, size_.width, single_input(inputs, 3)[2]};
  }
  Tensor forward(const std::vector<Tensor>& inputs, const Call&) override {
    const Tensor x = as_floats(inputs.at(0));
    if (x.shape()[1] >= size_.height && x.shape()[2] >= size_.width) return middle(x, size_.height, size_.width);
    return resize2d(cropped_to_aspect(x, size_), size_);
  }
  std::shared_ptr<Module> clone() const override { return std::make_shared<CenterCropModule>(*this); }

 private:
  Extent2d size_;
};

}  // namespace

Resizing::Resizing(Extent2d size, ResizingOptions options)
    : Layer(std::make_shared<ResizingModule>(size, std::move(options))) {}

CenterCrop::CenterCrop(Extent2d size, std::string name)
    : Layer(std::make_shared<CenterCropModule>(size, std::move(name))) {}

}  // namespace mien
