// The door to stb_image and stb_image_write: the only file that sees them is stb.cpp. Internal to io.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace mien::detail {

/// What the decoder made of a file: the pixels, or the reason why there are none.
struct StbResult {
  int height = 0;
  int width = 0;
  std::vector<std::uint8_t> pixels;
  std::string failure;  ///< empty on success
};

/// Decodes a file into `channels` (1, 3 or 4) bytes a pixel, with at most `memory` bytes of working space in all.
StbResult stb_decode(std::span<const std::uint8_t> bytes, int channels, std::size_t memory);

/// A PNG or a baseline JPEG file of height * width * channels bytes; empty where memory runs out.
std::string stb_encode_png(const std::uint8_t* pixels, int height, int width, int channels);
std::string stb_encode_jpeg(const std::uint8_t* pixels, int height, int width, int channels, int quality);

}  // namespace mien::detail
