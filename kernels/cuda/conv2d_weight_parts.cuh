// The weights' gradient as a product, in parts: the sum runs over every position of the batch and its result is small,
// so it is cut into parts that separate blocks sum, and a second kernel adds the parts in their order.
#pragma once

#include "mien/kernels/cuda/product.cuh"
#include "mien/kernels/cuda/scratch.h"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

/// The product (tap, input channel) x output channels over positions, cut into as many parts as keep a GPU busy where
/// a block computes a tile of so many rows and columns.
ProductShape weight_gradient_shape(const Conv2dGeometry& g, int tile_rows, int tile_columns);

/// dw = the sum of `parts` arrays of dw's size that lie one after the other.
void add_parts(const char* name, View<const float> partial, View<float> dw, int parts);

/// dw, where product(shape, partial) starts a product that leaves part p of the sum at partial[p * dw.size].
template <class Product>
void sum_weights_in_parts(const char* name, View<float> dw, const ProductShape& shape, const Product& product) {
  const std::int64_t floats = shape.parts() * dw.size;
  index_count(name, floats);
  const Scratch scratch(floats * static_cast<std::int64_t>(sizeof(float)));
  const View<float> partial = scratch.view<float>(floats);
  product(shape, partial);
  add_parts(name, partial, dw, shape.parts());
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
