#include "mien/train/features.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "mien/core/build_info.h"
#include "mien/core/numbers.h"
#include "mien/core/ops/scale_bytes.h"
#include "mien/io/md5.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/error.h"
#include "mien/layers/config.h"
#include "mien/layers/predictor.h"
#include "mien/train/feature_cache.h"

namespace mien {
namespace {

namespace fs = std::filesystem;

/// What is on each picture: shape, type and pixels.
std::vector<Md5::Digest> hashes_of(const Dataset& pictures) {
  std::vector<Md5::Digest> hashes;
  const std::string kind = join(pictures.image_shape(), ' ', pictures.dtype(), '\n');
  const auto count = static_cast<std::size_t>(pictures.image_shape().size());
  for (int i = 0; i < pictures.size(); ++i) {
    Md5 sum;
    sum.add(kind);
    if (pictures.dtype() == DType::uint8)
      sum.add(pictures.pixels<std::uint8_t>(i), count);
    else
      sum.add(pictures.pixels<float>(i), count * sizeof(float));
    hashes.push_back(sum.digest());
  }
  return hashes;
}

std::string text_of(const FactorRange& range) { return join(shortest(range.low), '/', shortest(range.high)); }

std::string text_of(const ShiftRange& range) {
  std::string text = shortest(range.most);
  for (const double choice : range.choices) text += '/' + shortest(choice);
  return text;
}

/// All that a transform is drawn by.
std::string text_of(const AugmentationOptions& o) {
  return join("shift ", text_of(o.width_shift), ' ', text_of(o.height_shift), ", rotation ", shortest(o.rotation),
              ", brightness ", text_of(o.brightness), ", shear ", shortest(o.shear), ", flips ", o.horizontal_flip,
              o.vertical_flip, ", zoom ", text_of(o.zoom), ", channel shift ", shortest(o.channel_shift), ", fill ",
              static_cast<int>(o.fill), ' ', shortest(o.fill_value), ", interpolation ",
              static_cast<int>(o.interpolation), ", rules ", static_cast<int>(o.rules));
}

void check_memory(std::int64_t bytes, int pictures, int views) {
  const auto memory = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  check(bytes <= memory / 2, "features", "those of ", pictures, " pictures in ", views, " views take ", bytes >> 20,
        " MB, more than half of this machine's ", memory >> 20,
        " MB. Pooled features, fewer views or a smaller size will do.");
}

/// Makes the features of one data set, view by view.
class Extraction {
 public:
  Extraction(const Model& network, const Dataset& pictures, const FeatureOptions& options)
      : network_(network), pictures_(pictures), options_(options), predictor_(compile(network)) {
    shape_ = network.output_shapes()[0];
    hashes_ = hashes_of(pictures);
    check_memory(shape_.size() * 4 * pictures.size() * options.views, pictures.size(), options.views);
    features_ = Tensor::empty(shape_.with_batch(std::int64_t{pictures.size()} * options.views));
    if (!options.cache.empty()) {
      std::error_code problem;
      fs::create_directories(options.cache, problem);
      check(!problem, options.cache.string(), "the folder cannot be made: ", problem.message(), ".");
      fingerprint_ = fingerprint_of(network);
    }
  }

  Features run() {
    Features result;
    std::vector<std::vector<int>> missing;
    for (int view = 0; view < options_.views; ++view) {
      std::optional<FeatureCache> cache;
      if (!open(cache, view)) return stopped(result);
      missing.push_back(read(cache, view));
      total_ += static_cast<int>(missing.back().size());
    }
    result.found = pictures_.size() * options_.views - total_;
    for (int view = 0; view < options_.views; ++view) {
      if (missing[static_cast<std::size_t>(view)].empty()) continue;
      std::optional<FeatureCache> cache;
      if (!open(cache, view)) return stopped(result);
      // Another process may have computed some of them in between.
      const std::vector<int> still_missing = read(cache, view);
      if (!compute(view, still_missing, cache)) return stopped(result);
      result.computed += static_cast<int>(still_missing.size());
    }
    result.data = dataset();
    return result;
  }

 private:
  Features stopped(Features result) const {
    result.computed = done_;
    result.complete = false;
    return result;
  }

  std::string header(int view) const {
    std::string text = join("mien features 1: network ", fingerprint_, ", output ", shape_, ", scale ",
                            shortest(options_.input_scale), ", view ", view);
    if (view > 0) text += join(" of seed ", options_.seed, ", ", text_of(options_.augment));
    return text + join("; mien ", build_info().version, ", ", network_.device(), ", ",
                       kernels::cpu::name(kernels::cpu::instruction_set()));
  }

  /// False where the work was stopped.
  bool open(std::optional<FeatureCache>& cache, int view) const {
    if (options_.cache.empty()) return true;
    const std::string text = header(view);
    cache.emplace(options_.cache / (md5_of(text).substr(0, 16) + ".features"), text, shape_.size(),
                  options_.should_stop);
    return cache->is_open();
  }

  float* row(int view, int picture) {
    return features_.view().data + (std::int64_t{view} * pictures_.size() + picture) * shape_.size();
  }

  /// Takes what the cache holds; returns the pictures that it lacks.
  std::vector<int> read(std::optional<FeatureCache>& cache, int view) {
    std::map<Md5::Digest, std::vector<int>> wanted;
    for (int i = 0; i < pictures_.size(); ++i) wanted[hashes_[static_cast<std::size_t>(i)]].push_back(i);
    if (cache)
      cache->read([&](const Md5::Digest& picture, const float* features) {
        const auto found = wanted.find(picture);
        if (found == wanted.end()) return;
        for (const int i : found->second) std::copy_n(features, shape_.size(), row(view, i));
        wanted.erase(found);
      });
    std::vector<int> missing;
    for (const auto& [hash, indices] : wanted) missing.insert(missing.end(), indices.begin(), indices.end());
    std::sort(missing.begin(), missing.end());
    return missing;
  }

  /// The pictures of one pass, as the network takes them.
  Tensor pass(int view, const std::vector<int>& indices) const {
    const Tensor plain = pictures_.images(indices);
    if (view == 0)
      return plain.dtype() == DType::uint8 ? scale_bytes(plain.to(network_.device()), options_.input_scale, 0)
                                           : plain.to(network_.device());
    const Shape shape = pictures_.image_shape();
    Tensor changed = Tensor::empty(plain.shape());
    for (std::size_t i = 0; i < indices.size(); ++i) {
      const Md5::Digest& hash = hashes_[static_cast<std::size_t>(indices[i])];
      const int which = (hash[0] | hash[1] << 8 | hash[2] << 16 | hash[3] << 24) & 0x7fffffff;
      const PictureTransform transform = draw_transform(options_.augment, static_cast<int>(shape[0]),
                                                        static_cast<int>(shape[1]), options_.seed, view, which);
      float* to = changed.view().data + static_cast<std::int64_t>(i) * shape.size();
      if (plain.dtype() == DType::uint8)
        apply_transform(transform, options_.augment, shape, pictures_.pixels<std::uint8_t>(indices[i]), to,
                        options_.input_scale);
      else
        apply_transform(transform, options_.augment, shape, pictures_.pixels<float>(indices[i]), to);
    }
    return changed.to(network_.device());
  }

  bool compute(int view, const std::vector<int>& missing, std::optional<FeatureCache>& cache) {
    const auto batch = static_cast<std::size_t>(options_.batch);
    for (std::size_t begin = 0; begin < missing.size(); begin += batch) {
      if (options_.should_stop && options_.should_stop()) return false;
      const std::size_t end = std::min(begin + batch, missing.size());
      const std::vector<int> indices(missing.begin() + static_cast<std::ptrdiff_t>(begin),
                                     missing.begin() + static_cast<std::ptrdiff_t>(end));
      const std::vector<float> made = predictor_(pass(view, indices)).to_vector();
      std::vector<Md5::Digest> hashes;
      for (std::size_t i = 0; i < indices.size(); ++i) {
        std::copy_n(made.data() + static_cast<std::int64_t>(i) * shape_.size(), shape_.size(), row(view, indices[i]));
        hashes.push_back(hashes_[static_cast<std::size_t>(indices[i])]);
      }
      if (cache) cache->append(hashes, made.data());
      done_ += static_cast<int>(indices.size());
      if (options_.progress) options_.progress(done_, std::max(done_, total_));
    }
    if (cache) cache->flush();
    return true;
  }

  Dataset dataset() const {
    LabelledImages all;
    all.images = features_;
    all.class_names = pictures_.class_names();
    for (int view = 0; view < options_.views; ++view)
      for (int i = 0; i < pictures_.size(); ++i) {
        all.labels.push_back(pictures_.label(i));
        all.names.push_back(pictures_.name(i));
        if (pictures_.has_groups()) all.groups.push_back(pictures_.group(i));
      }
    return Dataset(std::move(all));
  }

  const Model& network_;
  const Dataset& pictures_;
  const FeatureOptions& options_;
  Predictor predictor_;
  Shape shape_;
  std::string fingerprint_;
  std::vector<Md5::Digest> hashes_;
  Tensor features_;
  int total_ = 0, done_ = 0;
};

}  // namespace

Features features_of(const Model& network, const Dataset& pictures, const FeatureOptions& options) {
  check(!pictures.empty(), "features", "the data set holds no picture.");
  check(options.views >= 1, "features", "there must be at least one view. Got ", options.views, ".");
  check(options.batch >= 1, "features", "batch must be at least 1. Got ", options.batch, ".");
  check(network.input_shapes().size() == 1 && network.output_shapes().size() == 1, "features",
        "a network of one input and one output is needed. Got ", network.input_shapes().size(), " and ",
        network.output_shapes().size(), ".");
  check(network.input_shapes()[0] == pictures.image_shape(), "features", "the network takes pictures of shape ",
        network.input_shapes()[0], ". Got ", pictures.image_shape(), ".");
  check(network.output_shapes()[0].rank() == 3, "features",
        "the network must give maps (height, width, channels). Got ", network.output_shapes()[0], ".");
  if (options.views > 1) check_augmentation(options.augment);
  return Extraction(network, pictures, options).run();
}

std::string fingerprint_of(const Model& network) {
  Md5 sum;
  const Plan& plan = network.unfused_plan();
  for (const Shape& shape : plan.inputs) sum.add(join(shape, '\n'));
  for (const Step& step : plan.steps) {
    sum.add(join(step.layer->name(), ' ', to_text(ConfigValue(step.layer->config()))));
    for (const int value : step.inputs) sum.add(join(' ', value));
    sum.add("\n");
  }
  for (const int value : plan.outputs) sum.add(join(value, '\n'));
  for (const auto& parameter : network.parameters()) {
    sum.add(join(parameter->full_name, ' ', parameter->value.shape(), '\n'));
    const std::vector<float> values = parameter->value.to_vector();
    sum.add(values.data(), values.size() * sizeof(float));
  }
  return sum.text();
}

}  // namespace mien
