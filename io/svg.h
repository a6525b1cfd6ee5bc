// The common frame of the SVG plots: size, style, text alternative. Used by the plots, not by their readers.
#pragma once

#include <string>
#include <string_view>

#include "mien/kernels/error.h"

namespace mien {

/// SVG units. A plot is as wide as this and scales to the width it is given.
inline constexpr double plot_width = 480;

/// Width of a character at the larger size that texts have on a phone; layouts leave room for it.
inline constexpr double character_width = 9.6, line_height = 21;

/// A coordinate, to a hundredth of a unit.
std::string coordinate(double value);

/// The number of a series' colour: its line has the class "s" and this number, its band "f" and this number.
std::string series_class(std::size_t index);

/// The attribute ` stroke-dasharray="..."` of a series, empty for a solid line.
std::string series_dashes(std::size_t index);

/// Where a text is anchored on its point.
enum class Anchor { start, middle, end };

/// An SVG picture in the making.
class SvgDrawing {
 public:
  /// Appends elements, put together as by join().
  template <class... Parts>
  void add(const Parts&... parts) {
    body_ += join(parts...);
  }

  /// Adds a text with its baseline at (x, y). `classes` are style classes: "strong", "number", "small".
  void add_text(double x, double y, std::string_view text, Anchor anchor = Anchor::start,
                std::string_view classes = {});

  /// The whole picture. Its identifiers are made from what it shows, so that several can stand in one page.
  std::string finish(double height, std::string_view title, std::string_view description) const;

 private:
  std::string body_;
};

/// Stands in the body of a drawing for its identifier, for example in `url(#IDENTIFIER-area)`.
inline constexpr std::string_view identifier_mark = "\x01";

}  // namespace mien
