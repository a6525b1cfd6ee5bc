#include "transfer_run.h"

#include <iostream>

#include "../networks.h"
#include "../pretraining.h"
#include "mien/core/numbers.h"
#include "mien/io/image_transform.h"
#include "variants.h"

namespace mien::expressions::study {
namespace {

/// Of drawn faces: the same for all runs of a study.
constexpr std::uint64_t pretraining_seed = 1;

}  // namespace

Dataset resized(const Dataset& data, int size) {
  const Shape shape = data.image_shape();
  if (data.empty() || shape[0] == size) return data;
  LabelledImages all;
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < data.size(); ++i) {
    Image picture(static_cast<int>(shape[1]), static_cast<int>(shape[0]), static_cast<int>(shape[2]));
    const std::uint8_t* from = data.pixels<std::uint8_t>(i);
    picture.pixels.assign(from, from + shape.size());
    const Image small = resize(picture, size, size);
    pixels.insert(pixels.end(), small.pixels.begin(), small.pixels.end());
    all.labels.push_back(data.label(i));
    all.names.push_back(data.name(i));
    if (data.has_groups()) all.groups.push_back(data.group(i));
  }
  all.images = Tensor::from(pixels, {data.size(), size, size, shape[2]});
  all.class_names = data.class_names();
  return Dataset(std::move(all));
}

std::optional<TransferRun> make_transfer_run(const StudyRun& run, const Split& pictures, const StudyOptions& options,
                                             const StudyBase& base, const std::filesystem::path& study,
                                             const std::function<bool()>& should_stop, bool quiet) {
  const TransferName name = *parse_transfer_name(run.network);
  const Split sides{resized(pictures.train, run.size), resized(pictures.validation, run.size),
                    resized(pictures.test, run.size)};
  TransferRun result{make_transfer(name, sides.train.image_shape(), sides.train.class_count(), run.seed), {}};
  if (base.file.empty()) {
    const Pretraining wanted{.people = options.pretrain_people,
                             .takes = options.pretrain_takes,
                             .size = run.size,
                             .epochs = options.pretrain_epochs,
                             .seed = pretraining_seed,
                             .should_stop = should_stop};
    if (!pretrain(result.network, name, wanted, study / ("pretraining-" + name.input), quiet).complete)
      return std::nullopt;
  } else {
    load_base(result.network, base.file);
  }
  TrainingSetup setup{.network = run.network, .input = {.size = run.size, .scale = input_scale_of(run.network)}};
  setup.should_stop = should_stop;
  FeatureSides seen = features_of_sides(result.network, sides, {.cache = study / "features"}, setup, quiet);
  if (!seen.complete) return std::nullopt;
  if (!quiet && seen.computed > 0)
    std::cerr << variant(run.variant).title << ": features of " << grouped(seen.computed)
              << " pictures computed, and kept for the other runs.\n";
  result.features = std::move(seen.sides);
  return result;
}

}  // namespace mien::expressions::study
