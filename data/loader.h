// Batches of a data set, prepared ahead of the training step by a thread of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "mien/data/augmentation.h"
#include "mien/data/dataset.h"

namespace mien {

struct LoaderOptions {
  int batch = 64;
  bool shuffle = true;
  std::uint64_t seed = 0;
  int prefetch = 2;  ///< batches that are kept ready; 0 prepares each when it is asked for
  /// Changes every picture anew in every epoch, as seed, epoch and picture say. Batches are float32 then.
  std::optional<AugmentationOptions> augment = {};
  float augmented_scale = 1;  ///< augmented pixels are multiplied by it
};

struct Batch {
  int number = 0;            ///< within its epoch, from 0
  std::vector<int> indices;  ///< of the pictures, in the data set
  Tensor images;  ///< (count, height, width, channels), on the CPU; the data set's dtype, float32 where augmented
  Tensor labels;  ///< int32 (count)
};

class Loader {
 public:
  /// Throws Error where the data set is empty, the batch size under 1, or pictures cannot be augmented as asked.
  Loader(Dataset dataset, LoaderOptions options);

  const Dataset& dataset() const { return dataset_; }
  /// The last batch is as short as it comes out; none is dropped.
  int batch_count() const { return (dataset_.size() + options_.batch - 1) / options_.batch; }

  /// The order of the pictures in an epoch: depends on the seed and the epoch alone.
  std::vector<int> order(int epoch) const;

  /// Calls `use` with each batch of an epoch, from batch `first` on, until it returns false.
  void run(int epoch, const std::function<bool(const Batch&)>& use, int first = 0) const;

 private:
  Batch make(const std::vector<int>& order, int epoch, int number) const;
  template <class T>
  void augment_into(float* images, const std::vector<int>& indices, int epoch) const;
  Dataset dataset_;
  LoaderOptions options_;
};

}  // namespace mien
