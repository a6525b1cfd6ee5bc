#include "bases.h"

#include "../transfer_name.h"
#include "../weights_check.h"
#include "mien/io/md5.h"
#include "mien/kernels/error.h"
#include "variants.h"

namespace mien::expressions::study {
namespace {

namespace fs = std::filesystem;

StudyBase published(const std::string& id, const StudyOptions& options) {
  const models::ImageNetFacts& facts = models::imagenet_facts(id);
  StudyBase base{.variant = id};
  if (options.size < facts.smallest_side) {
    base.absent = join("not run: ", facts.keras_name, " needs pictures of at least ", facts.smallest_side, " pixels");
    return base;
  }
  const PublishedWeights& file = published_base(id, 1, options.size);
  const fs::path path = fs::path(options.weights_dir) / file.file_name();
  if (!fs::is_regular_file(path)) {
    base.absent =
        join("not run: no weights. expressions weights get ", file.name, " --weights-dir ", options.weights_dir);
    return base;
  }
  if (const std::string fault = fault_of_weights(file, path); !fault.empty()) {
    base.absent = join("not run: ", path.string(), " is not the file that Keras publishes: ", fault);
    return base;
  }
  base.file = path;
  base.weights = md5_of_file(path);
  return base;
}

}  // namespace

std::vector<StudyBase> find_bases(const StudyOptions& options) {
  std::vector<StudyBase> bases;
  for (const std::string& id : variants_of_section(7)) {
    if (id != drawn_variant) {
      bases.push_back(published(id, options));
      continue;
    }
    StudyBase drawn{.variant = id};
    if (options.pretrain == "synthetic")
      drawn.weights = join("drawn faces: ", options.pretrain_people, " people, ", options.pretrain_takes, " takes, ",
                           options.pretrain_epochs, " epochs");
    else
      drawn.absent = "not run: needs --pretrain synthetic";
    bases.push_back(drawn);
  }
  return bases;
}

const StudyBase& base_of(const std::vector<StudyBase>& bases, const std::string& variant, const std::string& weights) {
  for (const StudyBase& base : bases) {
    if (base.variant != variant) continue;
    check(!base.weights.empty(), variant, "its weights were there when the study was planned. Now: ", base.absent, ".");
    check(base.weights == weights, variant, "the study was planned with other weights: ", weights, ". Got ",
          base.weights, " (", base.file.string(), ").");
    return base;
  }
  fail("study", "there is no base \"", variant, "\".");
}

}  // namespace mien::expressions::study
