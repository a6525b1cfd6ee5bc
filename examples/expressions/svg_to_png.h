// A plot as a picture file, for places that take no SVG: drawn by librsvg, where the program was built with it.
#pragma once

#include <string>

namespace mien::expressions {

/// Whether this program can draw SVG.
bool can_make_png();

/// The bytes of a PNG file, `width_pixels` wide, on white, in the colours for light paper. Throws Error where the
/// program was built without librsvg, the SVG is malformed, or the size is not 16 … 16384 (for the height too).
std::string png_of(const std::string& svg, int width_pixels);

}  // namespace mien::expressions
