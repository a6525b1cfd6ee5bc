// A data set in memory: pictures as one tensor, a class number for each, and what is known of them besides.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mien/core/tensor.h"

namespace mien {

/// What a Dataset holds; shared by all its subsets.
struct LabelledImages {
  Tensor images;                         ///< (count, height, width, channels), uint8 or float32, on the CPU
  std::vector<std::int32_t> labels;      ///< class numbers
  std::vector<std::string> class_names;  ///< class number → name
  std::vector<std::string> names;        ///< of each picture (its path), or empty
  std::vector<std::string> groups;       ///< of each picture (the person it shows), or empty
};

/// Some of the pictures of a LabelledImages, in some order. Copying copies no picture.
class Dataset {
 public:
  Dataset() = default;
  /// All pictures. Throws Error where counts differ or a label names no class.
  explicit Dataset(LabelledImages images);

  int size() const { return static_cast<int>(indices_.size()); }
  bool empty() const { return indices_.empty(); }
  /// Shape of one picture: (height, width, channels).
  Shape image_shape() const { return all_ ? all_->images.shape().from(1) : Shape{}; }
  DType dtype() const { return all_ ? all_->images.dtype() : DType::uint8; }
  const std::vector<std::string>& class_names() const;
  int class_count() const { return static_cast<int>(class_names().size()); }

  std::int32_t label(int index) const { return all_->labels[at(index)]; }
  /// Name of a picture; "" where none was given.
  const std::string& name(int index) const;
  /// Group of a picture; "" where none was given.
  const std::string& group(int index) const;
  bool has_groups() const { return all_ && !all_->groups.empty(); }
  /// Pictures of each class.
  std::vector<int> class_counts() const;

  /// The pictures with these numbers (of this data set), in this order.
  Dataset subset(const std::vector<int>& indices) const;
  /// Pictures and labels of these numbers as tensors: (count, height, width, channels) and int32 (count).
  Tensor images(const std::vector<int>& indices) const;
  /// The pixels of one picture, image_shape().size() of them. T must be the dtype.
  template <class T>
  const T* pixels(int index) const {
    return all_->images.view<T>().data + static_cast<std::int64_t>(at(index)) * image_shape().size();
  }
  Tensor labels(const std::vector<int>& indices) const;

 private:
  std::size_t at(int index) const;
  std::shared_ptr<const LabelledImages> all_;
  std::vector<int> indices_;
};

}  // namespace mien
