// Mixup (Zhang and others, 2018): a network is trained on weighted means of two pictures, and on the mean of their
// labels in the same shares. With few pictures it keeps a network from learning each of them by heart.
#pragma once

#include <cstdint>
#include <vector>

#include "mien/core/random.h"
#include "mien/core/tensor.h"

namespace mien {

/// How the pictures of one batch are mixed: picture i becomes share * itself + (1 - share) * partner[i].
struct Mixup {
  float share = 1;           ///< of each picture itself, 0.5 to 1: which of the two counts more is settled by order
  std::vector<int> partner;  ///< a permutation of the batch
};

/// A draw from Beta(alpha, alpha), by two gamma draws (Marsaglia and Tsang, 2000); above 0, below 1. `alpha` > 0.
double draw_beta(double alpha, Random& random);

/// The mixing of step `step` (from 0 over the whole training) for a batch of `count` pictures: the larger share is a
/// draw from Beta(alpha, alpha). Depends on its arguments alone, so a training that is resumed mixes the same pictures.
/// Throws Error unless alpha is finite and above 0.
Mixup draw_mixup(double alpha, int count, std::uint64_t seed, std::int64_t step);

/// The batch mixed: images (count, …), uint8 or float32, on the CPU → float32 of the same shape, each value multiplied
/// by `scale`.
Tensor mixed(const Tensor& images, const Mixup& mixup, float scale = 1);

/// labels, int32 (count): those of the partners.
Tensor partner_labels(const Tensor& labels, const Mixup& mixup);

}  // namespace mien
