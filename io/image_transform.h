// Pictures made of pictures: colour, size, part, orientation; and how sharp one is.
#pragma once

#include "mien/io/image.h"

namespace mien {

/// Grey by ITU-R 601 in 16-bit fixed point, as Pillow's convert("L"):
/// (19595 R + 38470 G + 7471 B + 32768) >> 16. A grey picture comes back as it is.
Image to_grey(const Image& image);

/// Three channels; those of a grey picture are all its grey.
Image to_colour(const Image& image);

/// How far a pixel's channels lie apart, largest less smallest, on the mean over the picture: 0 for a grey one, however
/// it is stored, 255 at most. A photograph in colour seldom has less than 10.
double colourfulness(const Image& image);

/// Turns and mirrors a picture stored with an EXIF orientation (1 to 8) upright. 5 to 8 exchange height and width.
Image turned_upright(Image image, int orientation);

/// The `height` x `width` part whose first pixel is (top, left). Throws unless it lies inside.
Image crop(const Image& image, int top, int left, int height, int width);

/// The part in the middle; where the rest is odd, one row or column more is cut at the end. Throws unless it fits.
Image centre_crop(const Image& image, int height, int width);

/// The largest square in the middle.
Image centre_square(const Image& image);

/// Weights of a pixel by its distance from the place looked up.
enum class ResizeFilter {
  bilinear,  ///< a triangle, support 1
  bicubic,   ///< Keys's cubic with a = -0.5, support 2
  lanczos,   ///< sinc windowed by sinc, support 3
};

/// Resizes with antialiasing: when shrinking, the filter is stretched so that every pixel counts. Separable, along rows
/// first, in 8-bit fixed point with 22 fractional bits: Pillow's Image.resize to the byte (Pillow 13 goes along columns
/// first for some shapes; then a value may differ by 1, seldom 2).
Image resize(const Image& image, int height, int width, ResizeFilter filter = ResizeFilter::bilinear);

/// The variance of the Laplacian (kernel 0 1 0, 1 -4 1, 0 1 0) of the grey picture, edges reflected without repeating
/// the edge pixel: OpenCV's Laplacian(ksize=1).var(). The more a picture is blurred, the lower.
/// Source: Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000.
double laplacian_variance(const Image& image);

}  // namespace mien
