// Softmax cross-entropy from logits, and what turns labels into its targets and weights.
//
//   loss    = weight * sum of target * (log S - (logit - largest)),   S = sum of exp(logit - largest)
//   dlogits = dloss * weight * (exp(logit - largest) / S * sum(targets) - targets)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/cross_entropy.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <cmath>
#include <limits>

#include "mien/kernels/cpu/elementary-inl.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/row_vectors-inl.h"
#include "mien/kernels/cpu/rows.h"
#include "mien/kernels/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {

/// The largest logit of each row across which a vector runs.
template <class D>
HWY_INLINE hn::Vec<D> largest_of(D d, Columns& logits, std::int64_t row, int channels) {
  auto largest = hn::LoadU(d, logits[0] + row);
  for (int c = 1; c < channels; ++c) largest = hn::Max(largest, hn::LoadU(d, logits[c] + row));
  return largest;
}

void cross_entropy_rows(const float* logits, const float* targets, const float* weights, float* loss,
                        const RowsGeometry& g) {
  const auto across = [&](std::int64_t first, std::int64_t count) HWY_ATTR {
    Columns logit, target;
    logit.take(logits + first * g.channels, count, g.channels);
    target.take(targets + first * g.channels, count, g.channels);
    for_each_vector(0, count, [&](auto d, std::int64_t row) HWY_ATTR {
      const auto largest = largest_of(d, logit, row, g.channels);
      auto sum = hn::Zero(d);
      for (int c = 0; c < g.channels; ++c)
        sum = hn::Add(sum, exp_vector(d, hn::Sub(hn::LoadU(d, logit[c] + row), largest)));
      const auto log_sum = log_vector(d, sum);
      auto total = hn::Zero(d);
      for (int c = 0; c < g.channels; ++c) {
        const auto below = hn::Sub(hn::LoadU(d, logit[c] + row), largest);
        total = hn::MulAdd(hn::LoadU(d, target[c] + row), hn::Sub(log_sum, below), total);
      }
      if (weights) total = hn::Mul(total, hn::LoadU(d, weights + first + row));
      hn::StoreU(total, d, loss + first + row);
    });
  };
  const auto along = [&](std::int64_t row) HWY_ATTR {
    const float* const logit = logits + row * g.channels;
    const float* const target = targets + row * g.channels;
    const float largest = row_maximum(logit, g.channels);
    double sum[3];  // of the exponentials, the targets, the targets times their logits
    sum_row(g.channels, sum, [=](auto d, std::int64_t c) HWY_ATTR {
      const auto below = hn::Sub(hn::LoadU(d, logit + c), hn::Set(d, largest)), share = hn::LoadU(d, target + c);
      return Terms<hn::Vec<decltype(d)>, 3>{{exp_vector(d, below), share, hn::Mul(share, below)}};
    });
    const double value = sum[1] * std::log(sum[0]) - sum[2];
    loss[row] = static_cast<float>(weights ? weights[row] * value : value);
  };
  for_each_row(g, across, along);
}

void cross_entropy_gradient_rows(const float* logits, const float* targets, const float* weights, const float* dloss,
                                 float* dlogits, const RowsGeometry& g) {
  const auto across = [&](std::int64_t first, std::int64_t count) HWY_ATTR {
    Columns logit, target;
    logit.take(logits + first * g.channels, count, g.channels);
    target.take(targets + first * g.channels, count, g.channels);
    for_each_vector(0, count, [&](auto d, std::int64_t row) HWY_ATTR {
      const auto largest = largest_of(d, logit, row, g.channels);
      auto sum = hn::Zero(d), total = hn::Zero(d);
      for (int c = 0; c < g.channels; ++c) {
        const auto share = exp_vector(d, hn::Sub(hn::LoadU(d, logit[c] + row), largest));
        hn::StoreU(share, d, logit[c] + row);
        sum = hn::Add(sum, share);
        total = hn::Add(total, hn::LoadU(d, target[c] + row));
      }
      auto upstream = hn::LoadU(d, dloss + first + row);
      if (weights) upstream = hn::Mul(upstream, hn::LoadU(d, weights + first + row));
      const auto scale = hn::Div(total, sum);
      for (int c = 0; c < g.channels; ++c) {
        const auto excess = hn::MulSub(hn::LoadU(d, logit[c] + row), scale, hn::LoadU(d, target[c] + row));
        hn::StoreU(hn::Mul(upstream, excess), d, logit[c] + row);
      }
    });
    logit.give(dlogits + first * g.channels, count, g.channels);
  };
  const auto along = [&](std::int64_t row) HWY_ATTR {
    const float* const logit = logits + row * g.channels;
    const float* const target = targets + row * g.channels;
    float* const gradient = dlogits + row * g.channels;
    const float largest = row_maximum(logit, g.channels);
    double sum[2];  // of the exponentials and of the targets
    sum_row(g.channels, sum, [=](auto d, std::int64_t c) HWY_ATTR {
      const auto share = exp_vector(d, hn::Sub(hn::LoadU(d, logit + c), hn::Set(d, largest)));
      hn::StoreU(share, d, gradient + c);
      return Terms<hn::Vec<decltype(d)>, 2>{{share, hn::LoadU(d, target + c)}};
    });
    const float scale = static_cast<float>(sum[1] / sum[0]), upstream = dloss[row] * (weights ? weights[row] : 1.0f);
    for_each_vector(0, g.channels, [=](auto d, std::int64_t c) HWY_ATTR {
      const auto excess = hn::MulSub(hn::LoadU(d, gradient + c), hn::Set(d, scale), hn::LoadU(d, target + c));
      hn::StoreU(hn::Mul(hn::Set(d, upstream), excess), d, gradient + c);
    });
  };
  for_each_row(g, across, along);
}

/// Fills `count` rows; then the label of each gets its own value.
void one_hot_rows(const std::int32_t* labels, float* targets, const RowsGeometry& g, float at_label, float elsewhere) {
  const std::int64_t rows = std::max(1, static_cast<int>(elements_per_block) / g.channels);
  parallel_blocks(g.rows, rows, [&](std::int64_t begin, std::int64_t end) HWY_ATTR {
    for_each_vector(begin * g.channels, end * g.channels,
                    [=](auto d, std::int64_t i) HWY_ATTR { hn::StoreU(hn::Set(d, elsewhere), d, targets + i); });
    for (std::int64_t row = begin; row < end; ++row) {
      float* const target = targets + row * g.channels;
      if (labels[row] >= 0 && labels[row] < g.channels)
        target[labels[row]] = at_label;
      else
        std::fill_n(target, g.channels, std::numeric_limits<float>::quiet_NaN());
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(cross_entropy_rows);
HWY_EXPORT(cross_entropy_gradient_rows);
HWY_EXPORT(one_hot_rows);

void one_hot(View<const std::int32_t> labels, View<float> targets, RowsGeometry g, float smoothing) {
  const float elsewhere = smoothing / static_cast<float>(g.channels);
  instruction_set();
  HWY_DYNAMIC_DISPATCH(one_hot_rows)(labels.data, targets.data, g, 1.0f - smoothing + elsewhere, elsewhere);
}

void softmax_cross_entropy_forward(View<const float> logits, View<const float> targets, View<const float> weights,
                                   View<float> loss, RowsGeometry g) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(cross_entropy_rows)
  (logits.data, targets.data, weights.empty() ? nullptr : weights.data, loss.data, g);
}

void softmax_cross_entropy_backward(View<const float> logits, View<const float> targets, View<const float> weights,
                                    View<const float> dloss, View<float> dlogits, RowsGeometry g) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(cross_entropy_gradient_rows)
  (logits.data, targets.data, weights.empty() ? nullptr : weights.data, dloss.data, dlogits.data, g);
}

void gather(View<const float> table, View<const std::int32_t> index, View<float> y) {
  parallel_elements(y.size, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int32_t place = index.data[i];
      const bool inside = place >= 0 && place < table.size;
      y.data[i] = inside ? table.data[place] : std::numeric_limits<float>::quiet_NaN();
    }
  });
}

}  // namespace mien::kernels::cpu
#endif
