// The definition of resizing: each pixel a weighted mean over all pixels of the picture, in double precision.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>

#include "mien/tests/reference.h"

namespace mien::reference {

/// How much pixel k of `from` counts for pixel i of `to`; divided by the sum over k.
using ResizeWeight = std::function<double(int from, int to, int i, int k)>;

inline double nearest_weight(int from, int to, int i, int k) { return k == (2 * i + 1) * from / (2 * to); }

inline double triangle_weight(int from, int to, int i, int k) {
  return std::max(0.0, 1 - std::fabs(k + 0.5 - (i + 0.5) * from / to));
}

inline double stretched_triangle_weight(int from, int to, int i, int k) {
  return std::max(0.0, 1 - std::fabs(k + 0.5 - (i + 0.5) * from / to) * std::min(1.0, static_cast<double>(to) / from));
}

/// The part of k … k + 1 that lies in what i covers; in units of 1 / to, so that it is a whole number.
inline double covered_weight(int from, int to, int i, int k) {
  return std::max(0, std::min((k + 1) * to, (i + 1) * from) - std::max(k * to, i * from));
}

/// Each pixel of (batch, to_height, to_width, channels) a mean over all pixels of x.
inline Values resize2d(const Values& x, int batch, int height, int width, int channels, int to_height, int to_width,
                       const ResizeWeight& weight) {
  Values y = zeros(std::int64_t{batch} * to_height * to_width * channels);
  for (int n = 0; n < batch; ++n)
    for (int row = 0; row < to_height; ++row)
      for (int column = 0; column < to_width; ++column) {
        double sum = 0;
        for (int h = 0; h < height; ++h)
          for (int w = 0; w < width; ++w) {
            const double here = weight(height, to_height, row, h) * weight(width, to_width, column, w);
            sum += here;
            for (int c = 0; c < channels; ++c)
              y[at(n, row, column, c, to_height, to_width, channels)] +=
                  here * x[at(n, h, w, c, height, width, channels)];
          }
        for (int c = 0; c < channels; ++c) y[at(n, row, column, c, to_height, to_width, channels)] /= sum;
      }
  return y;
}

}  // namespace mien::reference
