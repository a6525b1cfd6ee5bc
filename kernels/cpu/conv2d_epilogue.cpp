// The convolution's epilogue (conv2d_epilogue.h), compiled once per instruction set. Vectors run over channels; what
// is left of a row's channels takes half a vector, then one lane at a time, by the same functions.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/conv2d_epilogue.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "mien/kernels/cpu/conv2d_epilogue-inl.h"
#include "mien/kernels/cpu/conv2d_epilogue.h"
#include "mien/kernels/cpu/instruction_set.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Calls body(tag, channel) so that the tags' lanes cover the channels 0 … channels-1.
template <class Body>
HWY_INLINE void for_each_vector(int channels, const Body& body) {
  const hn::ScalableTag<float> wide;
  const hn::CappedTag<float, 8> narrow;
  const hn::CappedTag<float, 1> single;
  int c = 0;
  for (; c + static_cast<int>(hn::Lanes(wide)) <= channels; c += hn::Lanes(wide)) body(wide, c);
  for (; c + static_cast<int>(hn::Lanes(narrow)) <= channels; c += hn::Lanes(narrow)) body(narrow, c);
  for (; c < channels; ++c) body(single, c);
}

template <ActivationKind kind, bool streamed>
void plain_row(const EpilogueRow& row) {
  for (int position = 0; position < row.positions; ++position) {
    const float* const sums = row.sums + position * row.pitch;
    float* const y = row.y + position * row.y_pitch;
    const float* const residual = row.residual ? row.residual + position * row.y_pitch : nullptr;
    for_each_vector(row.channels, [&](auto d, int c) HWY_ATTR {
      auto z = hn::LoadU(d, sums + c);
      if (row.bias) z = hn::Add(z, hn::LoadU(d, row.bias + c));
      if (residual) z = hn::Add(z, hn::LoadU(d, residual + c));
      const auto result = activate_vector<kind>(d, z, row.activation);
      if constexpr (streamed && hn::MaxLanes(d) >= 4)
        hn::Stream(result, d, y + c);
      else
        hn::StoreU(result, d, y + c);
    });
  }
}

template <ActivationKind kind>
void pooled_row(const EpilogueRow& row) {
  for (int window = 0; window < row.positions; ++window) {
    const std::int64_t place = 2 * window * row.pitch;
    const float* const value[4] = {row.sums + place, row.sums + place + row.pitch, row.lower + place,
                                   row.lower + place + row.pitch};
    float* const y = row.y + window * row.y_pitch;
    std::uint8_t* const argmax = row.argmax ? row.argmax + window * row.y_pitch : nullptr;
    for_each_vector(row.channels, [&](auto d, int c) HWY_ATTR {
      const auto bias = row.bias ? hn::LoadU(d, row.bias + c) : hn::Zero(d);
      hn::Vec<decltype(d)> z[4];
      for (int tap = 0; tap < 4; ++tap) {
        z[tap] = hn::LoadU(d, value[tap] + c);
        if (row.bias) z[tap] = hn::Add(z[tap], bias);
      }
      const auto pooled = pool_vectors<kind>(d, z, row.activation);
      hn::StoreU(pooled.maximum, d, y + c);
      if (argmax) hn::StoreU(pooled.argmax, hn::Rebind<std::uint8_t, decltype(d)>(), argmax + c);
    });
  }
}

template <ActivationKind kind>
void pooled_backward_row(const EpilogueGradientRow& row) {
  for (std::int64_t window = 0; window < row.windows; ++window) {
    const std::int64_t from = window * row.channels, to = 2 * from;
    float* const dz[4] = {row.upper + to, row.upper + to + row.channels, row.lower + to, row.lower + to + row.channels};
    for_each_vector(row.channels, [&](auto d, int c) HWY_ATTR {
      const hn::Rebind<std::int32_t, decltype(d)> d_int;
      const hn::Rebind<std::uint8_t, decltype(d)> d_byte;
      const auto first = hn::ConvertTo(d, hn::PromoteTo(d_int, hn::LoadU(d_byte, row.argmax + from + c)));
      auto gradient = hn::LoadU(d, row.dy + from + c);
      // What a relu let through has slope one; what it killed has no place among the four.
      if constexpr (kind != ActivationKind::linear && kind != ActivationKind::relu && kind != ActivationKind::relu6)
        gradient = hn::Mul(gradient, slope_vector<kind>(d, hn::LoadU(d, row.y + from + c), row.activation));
      for (int tap = 0; tap < 4; ++tap)
        hn::StoreU(hn::IfThenElseZero(hn::Eq(first, hn::Set(d, static_cast<float>(tap))), gradient), d, dz[tap] + c);
    });
  }
}

void epilogue_plain(const EpilogueRow& row) {
  const std::size_t lanes = hn::Lanes(hn::ScalableTag<float>());
  const bool aligned = reinterpret_cast<std::uintptr_t>(row.y) % (lanes * sizeof(float)) == 0 &&
                       row.y_pitch % static_cast<std::int64_t>(lanes) == 0;
  with_kind(row.activation.kind, [&]<ActivationKind kind>() {
    row.streamed&& aligned ? plain_row<kind, true>(row) : plain_row<kind, false>(row);
  });
}

void epilogue_finish_streaming() { hwy::FlushStream(); }

void epilogue_pooled(const EpilogueRow& row) {
  with_kind(row.activation.kind, [&]<ActivationKind kind>() { pooled_row<kind>(row); });
}

void epilogue_pooled_backward(const EpilogueGradientRow& row) {
  with_kind(row.activation.kind, [&]<ActivationKind kind>() { pooled_backward_row<kind>(row); });
}

const EpilogueKernels* epilogue_table() {
  static constexpr EpilogueKernels table = {epilogue_plain, epilogue_finish_streaming, epilogue_pooled,
                                            epilogue_pooled_backward};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(epilogue_table);

const EpilogueKernels& epilogue_kernels() {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  return *HWY_DYNAMIC_DISPATCH(epilogue_table)();
}

}  // namespace mien::kernels::cpu
#endif
