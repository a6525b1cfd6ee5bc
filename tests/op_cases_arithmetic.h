// Cases of the op table (op_cases.h): element-wise ops, sums, and what only moves numbers about.
#pragma once

#include "mien/tests/op_case.h"
#include "mien/tests/reference_resize.h"

namespace mien::testing {

// Element-wise -----------------------------------------------------------------------------------------------------

/// Broadcasting without any merging of axes: every index of the result, axis by axis.
inline Values broadcast_definition(const Values& a, const Shape& a_shape, const Values& b, const Shape& b_shape,
                                   BinaryKind kind) {
  const int rank = std::max(a_shape.rank(), b_shape.rank());
  const auto length = [&](const Shape& shape, int axis) {
    return axis < rank - shape.rank() ? 1 : shape[axis - rank + shape.rank()];
  };
  BroadcastGeometry g;
  g.axes = std::max(rank, 1);
  std::int64_t a_step = 1, b_step = 1;
  for (int i = rank - 1; i >= 0; --i) {
    g.extent[i] = std::max(length(a_shape, i), length(b_shape, i));
    g.a_stride[i] = length(a_shape, i) == 1 ? 0 : a_step;
    g.b_stride[i] = length(b_shape, i) == 1 ? 0 : b_step;
    a_step *= length(a_shape, i);
    b_step *= length(b_shape, i);
  }
  return reference::binary(a, b, g, kind);
}

inline void add_element_wise(std::vector<OpCase>& cases) {
  cases.push_back(op_case(
      "affine", {{{3, 7, 5}}}, [](const Tensors& t) { return affine(t[0], -2, 3); },
      [](const Arrays& v) { return reference::affine(v[0], -2, 3); }, true));
  cases.push_back(op_case(
      "scale_bytes", {{{2, 5, 3}, 0, 256, false, DType::uint8}},
      [](const Tensors& t) { return scale_bytes(t[0], 2, -1); },
      [](const Arrays& v) { return reference::affine(v[0], 2, -1); }, true));
  for (const Activation activation :
       {Activation(linear), Activation(relu), Activation(relu6), Activation(leaky_relu), Activation(leaky_relu(0.25f)),
        Activation(sigmoid), Activation(hyperbolic_tangent)})
    cases.push_back(op_case(
        join("activation ", name(activation.kind)), {{{3, 7, 5}, -8, 8}},
        [=](const Tensors& t) { return activate(t[0], activation); },
        [=](const Arrays& v) { return reference::activation(v[0], activation); },
        activation == relu || activation == relu6));
  for (const Shape& shape : {Shape{3, 7}, Shape{2, 5, 4, 3}, Shape{4, 1}})
    cases.push_back(op_case(
        "standardize " + text_of(shape), {{shape, -2, 5}}, [](const Tensors& t) { return standardize(t[0], 0.01f); },
        [=](const Arrays& v) { return reference::standardize(v[0], shape[0], 0.01); }));
  for (const Shape& shape : {Shape{5}, Shape{4, 5}, Shape{2, 3, 19}, Shape{6, 1}})
    cases.push_back(op_case(
        "softmax " + text_of(shape), {{shape, -3, 3}}, [](const Tensors& t) { return softmax(t[0]); },
        [=](const Arrays& v) { return reference::softmax(v[0], rows_geometry("softmax", shape)); }));
  const std::pair<Shape, Shape> shapes[] = {{{2, 3, 5}, {2, 3, 5}},
                                            {{2, 3, 5}, {5}},
                                            {{5}, {2, 3, 5}},
                                            {{2, 1, 5}, {2, 3, 1}},
                                            {{2, 3, 4, 5}, {2, 1, 1, 5}},
                                            {{2, 1, 3, 1, 2}, {4, 1, 3, 1}},
                                            {{}, {3, 2}},
                                            {{3, 1}, {1, 1}},
                                            {{}, {}}};
  for (const auto& [a, b] : shapes)
    for (const BinaryKind kind : {BinaryKind::add, BinaryKind::subtract, BinaryKind::multiply})
      cases.push_back(op_case(
          join(kind == BinaryKind::add        ? "add "
               : kind == BinaryKind::subtract ? "subtract "
                                              : "multiply ",
               a, " ", b),
          {{a}, {b}},
          [=](const Tensors& t) {
            return kind == BinaryKind::add ? t[0] + t[1] : kind == BinaryKind::subtract ? t[0] - t[1] : t[0] * t[1];
          },
          [=, a = a, b = b](const Arrays& v) { return broadcast_definition(v[0], a, v[1], b, kind); }, true));
  for (const float rate : {0.25f, 0.9f})
    cases.push_back(op_case(
        join("dropout ", rate), {{{7, 11}}},
        [=](const Tensors& t) {
          const Tensor step = Tensor::from(std::vector<std::int32_t>{3}, {1}, t[0].device());
          return dropout(t[0], rate, step, 42, stream_of(Purpose::dropout, 2));
        },
        [=](const Arrays& v) {
          std::vector<bool> kept;
          for (std::size_t i = 0; i < v[0].size(); ++i)
            kept.push_back(uniform_from_word(philox_word(42, stream_of(Purpose::dropout, 2) + 3, i)) >= rate);
          return reference::dropout(v[0], kept, rate);
        }));
}

// Sums and moving data ---------------------------------------------------------------------------------------------

/// scale * the sum over the axes marked, index by index.
inline Values sum_definition(const Values& x, const Shape& shape, const std::vector<bool>& summed, double scale) {
  std::int64_t kept = 1;
  for (int i = 0; i < shape.rank(); ++i)
    if (!summed[static_cast<std::size_t>(i)]) kept *= shape[i];
  Values y = reference::zeros(kept);
  for (std::int64_t place = 0; place < shape.size(); ++place) {
    std::int64_t rest = place, to = 0, step = 1;
    for (int i = shape.rank() - 1; i >= 0; --i) {
      if (!summed[static_cast<std::size_t>(i)]) {
        to += rest % shape[i] * step;
        step *= shape[i];
      }
      rest /= shape[i];
    }
    y[static_cast<std::size_t>(to)] += scale * x[static_cast<std::size_t>(place)];
  }
  return y;
}

inline void add_sums(std::vector<OpCase>& cases) {
  struct Sum {
    Shape shape;
    std::vector<int> axes;
    std::vector<bool> summed;
    double count;  // of the numbers that meet in one
  };
  for (const Sum& s : {Sum{{2, 3, 4}, {}, {true, true, true}, 24}, Sum{{2, 3, 4}, {-1}, {false, false, true}, 4},
                       Sum{{2, 3, 4, 5}, {1, 2}, {false, true, true, false}, 12},
                       Sum{{2, 3, 4, 5}, {0, 2}, {true, false, true, false}, 8},
                       Sum{{4, 1, 3}, {1, 0}, {true, true, false}, 4}, Sum{{}, {}, {}, 1}}) {
    for (const bool keep_dims : {false, true}) {
      const std::string what = join(s.shape, " over ", s.axes.size(), " axes", keep_dims ? " kept" : "");
      cases.push_back(op_case(
          "sum " + what, {{s.shape}}, [=](const Tensors& t) { return sum(t[0], s.axes, keep_dims); },
          [=](const Arrays& v) { return sum_definition(v[0], s.shape, s.summed, 1); }, true));
      cases.push_back(op_case(
          "mean " + what, {{s.shape}}, [=](const Tensors& t) { return mean(t[0], s.axes, keep_dims); },
          [=](const Arrays& v) { return sum_definition(v[0], s.shape, s.summed, 1 / s.count); }));
    }
  }
  for (const auto& [l1, l2] : {std::pair{0.01f, 0.0f}, {0.0f, 0.02f}, {0.5f, 0.25f}})
    cases.push_back(op_case(
        join("penalty l1 ", l1, " l2 ", l2), {{{3, 3, 2, 5}}},
        [l1 = l1, l2 = l2](const Tensors& t) { return penalty(t[0], l1, l2); },
        [l1 = l1, l2 = l2](const Arrays& v) { return Values{reference::penalty(v[0], l1, l2)}; }));
}

inline void add_moves(std::vector<OpCase>& cases) {
  const auto concatenation = [&cases](const std::vector<Shape>& shapes, int axis) {
    std::vector<OpInput> inputs;
    for (const Shape& shape : shapes) inputs.push_back({shape});
    cases.push_back(op_case(
        join("concatenate ", shapes.size(), " along ", axis, " of ", shapes[0]), inputs,
        [=](const Tensors& t) { return concatenate(t, axis); },
        [=](const Arrays& v) {
          // Runs of all tensors in turn: of each, all that lies within one index of the axes before `axis`.
          std::int64_t outer = 1;
          const int place = axis < 0 ? axis + shapes[0].rank() : axis;
          for (int i = 0; i < place; ++i) outer *= shapes[0][i];
          Values y;
          for (std::int64_t run = 0; run < outer; ++run)
            for (const Values& part : v) {
              const auto length = static_cast<std::ptrdiff_t>(part.size()) / outer;
              y.insert(y.end(), part.begin() + run * length, part.begin() + (run + 1) * length);
            }
          return y;
        },
        true));
  };
  concatenation({{2, 3, 4, 3}, {2, 3, 4, 1}, {2, 3, 4, 5}}, -1);
  concatenation({{2, 3, 5}, {2, 1, 5}}, 1);
  concatenation({{1, 3}, {4, 3}, {2, 3}}, 0);
  concatenation({{7}}, 0);
  const auto same = [](const Arrays& v) { return v[0]; };
  cases.push_back(op_case(
      "reshape", {{{2, 3, 4}}},
      [](const Tensors& t) {
        return reshape(t[0], {-1, 2});
      },
      same, true));
  cases.push_back(op_case(
      "flatten", {{{3, 2, 2, 5}}}, [](const Tensors& t) { return flatten(t[0]); }, same, true));
  for (const Border border : {Border{1, 1, 1, 1}, Border{0, 1, 3, 0}, Border{}})
    cases.push_back(op_case(
        join("zero_pad2d ", border), {{{2, 5, 4, 3}}}, [=](const Tensors& t) { return zero_pad2d(t[0], border); },
        [=](const Arrays& v) {
          return reference::zero_pad2d(v[0], {2, 5, 4, 3, border.top, border.bottom, border.left, border.right});
        },
        true));
  for (const Border border : {Border{1, 1, 1, 1}, Border{0, 1, 2, 0}, Border{}})
    cases.push_back(op_case(
        join("crop2d ", border), {{{2, 5, 4, 3}}}, [=](const Tensors& t) { return crop2d(t[0], border); },
        [=](const Arrays& v) {
          return reference::crop2d(v[0], {2, 5 - border.top - border.bottom, 4 - border.left - border.right, 3,
                                          border.top, border.bottom, border.left, border.right});
        },
        true));
  for (const Extent2d size : {Extent2d{2}, Extent2d{1, 3}, Extent2d{3, 2}})
    cases.push_back(op_case(
        join("up_sampling2d ", size), {{{2, 3, 4, 5}}}, [=](const Tensors& t) { return up_sampling2d(t[0], size); },
        [=](const Arrays& v) {
          return reference::up_sampling2d(v[0], {2, 3, 4, 5, size.height, size.width});
        },
        true));
  for (const Shape& shape : {Shape{4}, Shape{2, 3, 5}, Shape{7, 1}})
    cases.push_back(op_case(
        "reverse_channels " + text_of(shape), {{shape}}, [](const Tensors& t) { return reverse_channels(t[0]); },
        [=](const Arrays& v) { return reference::reverse_channels(v[0], shape[-1]); }, true));
  struct Resize {
    const char* name;
    Resize2dOptions options;
    reference::ResizeWeight weight;
  };
  for (const Resize& resize : {Resize{"nearest", {Resampling::nearest}, reference::nearest_weight},
                               {"bilinear", {Resampling::bilinear}, reference::triangle_weight},
                               {"antialiased", {Resampling::bilinear, true}, reference::stretched_triangle_weight},
                               {"area", {Resampling::area}, reference::covered_weight}})
    for (const Extent2d size : {Extent2d{3, 9}, Extent2d{7, 2}, Extent2d{5, 4}})
      for (const int channels : {1, 3, 40})  // few of them and many take different ways
        cases.push_back(op_case(
            join("resize2d ", resize.name, " ", size, " of ", channels), {{{2, 5, 4, channels}}},
            [=](const Tensors& t) { return resize2d(t[0], size, resize.options); },
            [=](const Arrays& v) {
              return reference::resize2d(v[0], 2, 5, 4, channels, size.height, size.width, resize.weight);
            }));
}

}  // namespace mien::testing
