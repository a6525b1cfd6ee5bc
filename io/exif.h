// The orientation in an EXIF block: which way up the camera was held.
#pragma once

#include <cstdint>
#include <span>

namespace mien {

/// Reads tag 0x0112 from the first directory of a TIFF block (what follows "Exif\0\0" in a JPEG's APP1 segment), in
/// either byte order. Returns 1 to 8 as in the EXIF standard (2.32, 4.6.4); 1, upright, where the tag is missing, out
/// of range or the block is corrupt: a picture is worth more than its description.
int exif_orientation(std::span<const std::uint8_t> tiff);

}  // namespace mien
