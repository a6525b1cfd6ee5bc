#include "mien/data/dataset.h"

#include <cstring>
#include <numeric>
#include <utility>

#include "mien/kernels/error.h"

namespace mien {
namespace {

void check_count(std::size_t given, std::size_t pictures, const char* what) {
  check(given == pictures, "dataset", "there must be one ", what, " for each picture. Got ", given, " for ", pictures,
        " pictures.");
}

}  // namespace

Dataset::Dataset(LabelledImages images) {
  check(images.images.defined() && images.images.shape().rank() == 4, "dataset",
        "pictures must come as (count, height, width, channels). Got ", images.images.shape(), ".");
  const auto count = static_cast<std::size_t>(images.images.shape()[0]);
  check_count(images.labels.size(), count, "label");
  if (!images.names.empty()) check_count(images.names.size(), count, "name");
  if (!images.groups.empty()) check_count(images.groups.size(), count, "group");
  const auto classes = static_cast<std::int32_t>(images.class_names.size());
  for (std::size_t i = 0; i < count; ++i)
    check(images.labels[i] >= 0 && images.labels[i] < classes, "dataset", "a label must lie in 0 … ", classes - 1,
          ", the classes there are. Got ", images.labels[i], " at picture ", i, ".");
  indices_.resize(count);
  std::iota(indices_.begin(), indices_.end(), 0);
  all_ = std::make_shared<const LabelledImages>(std::move(images));
}

std::size_t Dataset::at(int index) const {
  check(index >= 0 && index < size(), "dataset", "picture ", index, " is not one of the ", size(), " there are.");
  return static_cast<std::size_t>(indices_[static_cast<std::size_t>(index)]);
}

const std::vector<std::string>& Dataset::class_names() const {
  static const std::vector<std::string> none;
  return all_ ? all_->class_names : none;
}

const std::string& Dataset::name(int index) const {
  static const std::string none;
  const std::size_t place = at(index);
  return all_->names.empty() ? none : all_->names[place];
}

const std::string& Dataset::group(int index) const {
  static const std::string none;
  const std::size_t place = at(index);
  return all_->groups.empty() ? none : all_->groups[place];
}

std::vector<int> Dataset::class_counts() const {
  std::vector<int> counts(class_names().size());
  for (int i = 0; i < size(); ++i) ++counts[static_cast<std::size_t>(label(i))];
  return counts;
}

Dataset Dataset::subset(const std::vector<int>& indices) const {
  Dataset result;
  result.all_ = all_;
  for (int index : indices) result.indices_.push_back(static_cast<int>(at(index)));
  return result;
}

Tensor Dataset::images(const std::vector<int>& indices) const {
  check(all_ != nullptr, "dataset", "the data set is empty.");
  Tensor batch =
      Tensor::empty(image_shape().with_batch(static_cast<std::int64_t>(indices.size())), Device::cpu, dtype());
  const std::size_t bytes = static_cast<std::size_t>(image_shape().size()) * size_of(dtype());
  const auto copy = [&](const void* from, void* to) {
    for (std::size_t i = 0; i < indices.size(); ++i)
      std::memcpy(static_cast<char*>(to) + i * bytes, static_cast<const char*>(from) + at(indices[i]) * bytes, bytes);
  };
  if (dtype() == DType::uint8)
    copy(all_->images.view<std::uint8_t>().data, batch.view<std::uint8_t>().data);
  else
    copy(all_->images.view().data, batch.view().data);
  return batch;
}

Tensor Dataset::labels(const std::vector<int>& indices) const {
  std::vector<std::int32_t> values;
  for (int index : indices) values.push_back(label(index));
  return Tensor::from(values, {static_cast<std::int64_t>(values.size())});
}

}  // namespace mien
