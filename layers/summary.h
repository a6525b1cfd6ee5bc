// The summary of a network: Keras's table, and what a layer costs.
#pragma once

#include <string>

#include "mien/layers/model.h"

namespace mien {

/// One row: a layer as the user wrote it.
struct SummaryRow {
  std::string name, kind;
  Shape shape;  ///< of the output, without the batch axis
  std::int64_t parameters = 0;
  std::int64_t multiply_adds = 0;  ///< for one picture
  std::int64_t activation_bytes =
      0;             ///< float32 output that is kept for one picture; 0 where it is fused away or shared
  std::string note;  ///< "fused: relu, max_pooling2d; gemm", "in conv2d", "not fused: …"
};

struct Summary {
  std::string model;
  std::vector<SummaryRow> rows;
  std::int64_t parameters = 0, trainable = 0, multiply_adds = 0, activation_bytes = 0;
};

Summary summarize(const Model& model);

/// The table as text, with shapes as Keras writes them: (None, 256, 256, 8).
std::string to_text(const Summary& summary);

/// "(None, 256, 256, 8)".
std::string keras_shape(const Shape& shape);

}  // namespace mien
