// Reading: the skeleton first (image_structure.h), then the decoder, then what the caller asked for.
#include "mien/io/image.h"

#include <algorithm>
#include <span>

#include "mien/io/file.h"
#include "mien/io/image_structure.h"
#include "mien/io/image_transform.h"
#include "mien/io/stb.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

using detail::ImageFormat;
using detail::ImageStructure;
using Bytes = std::span<const std::uint8_t>;

constexpr std::uint64_t max_file_bytes = std::uint64_t{1} << 30;

// Working space a decoder may need: a progressive JPEG keeps 2 bytes for each of 4 components of a padded pixel beside
// the samples and the result, a PNG of 16 bits about 32 bytes a pixel while its buffers grow.
std::size_t working_space(const ImageStructure& structure, std::size_t file_bytes) {
  const auto pixels = static_cast<std::size_t>(structure.width) * static_cast<std::size_t>(structure.height);
  return 48 * pixels + 4 * file_bytes + (std::size_t{16} << 20);
}

Image decoded(const std::string& name, const ImageStructure& structure, Bytes bytes, int channels) {
  detail::StbResult result = detail::stb_decode(bytes, channels, working_space(structure, bytes.size()));
  if (!result.failure.empty()) {
    const bool short_of_data = result.failure == "not enough pixels" || result.failure == "outofdata";
    fail(name, short_of_data ? "truncated" : "malformed", ": within the picture's data: ", result.failure, ".");
  }
  check(result.height == structure.height && result.width == structure.width, name, "malformed: the header says ",
        structure.width, " x ", structure.height, ", the data ", result.width, " x ", result.height, ".");
  Image image;
  image.height = result.height, image.width = result.width, image.channels = channels;
  image.pixels = std::move(result.pixels);
  return image;
}

// A GIF's colours are wanted even where it calls them transparent, so that flag is cleared in a copy. The background
// is set to colour 0, which the decoder leaves unpainted: then a pixel without alpha is one that no code has reached.
Image decoded_gif(const std::string& name, const ImageStructure& structure, Bytes bytes) {
  constexpr std::size_t screen_flags = 10, background = 11, table = 13;
  std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());
  for (const std::size_t flags : structure.frame.transparency_flags) copy[flags] &= 0xFE;
  copy[background] = 0;
  const Image with_alpha = decoded(name, structure, copy, 4);
  const bool has_table = (bytes[screen_flags] & 0x80) != 0 && bytes[background] < 2 << (bytes[screen_flags] & 7);
  const std::uint8_t black[3] = {0, 0, 0};
  const std::uint8_t* unpainted = has_table ? bytes.data() + table + 3 * bytes[background] : black;
  const auto& frame = structure.frame;
  Image image(structure.height, structure.width, 3);
  for (int row = 0; row < image.height; ++row)
    for (int column = 0; column < image.width; ++column) {
      const std::uint8_t* from = with_alpha.row(row) + 4 * column;
      const bool painted = from[3] != 0;
      const bool in_frame = row >= frame.top && row - frame.top < frame.height && column >= frame.left &&
                            column - frame.left < frame.width;
      check(painted || !in_frame, name,
            "truncated: the data of the first frame ends, or leaves its colour table, at row ", row, ", column ",
            column, ".");
      std::copy_n(painted ? from : unpainted, 3, image.row(row) + 3 * column);
    }
  return image;
}

void check_image(const Image& image, const char* where) {
  check(image.height > 0 && image.width > 0 && (image.channels == 1 || image.channels == 3) &&
            image.pixels.size() == static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width) *
                                       static_cast<std::size_t>(image.channels),
        where, "the picture must have height * width * channels bytes, channels 1 or 3. Got ", image.height, " x ",
        image.width, " x ", image.channels, " and ", image.pixels.size(), " bytes.");
}

}  // namespace

Image::Image(int height, int width, int channels) : height(height), width(width), channels(channels) {
  check(height > 0 && width > 0 && (channels == 1 || channels == 3), "Image",
        "height and width must be at least 1, channels 1 or 3. Got ", height, " x ", width, " x ", channels, ".");
  pixels.resize(static_cast<std::size_t>(height) * static_cast<std::size_t>(width) *
                static_cast<std::size_t>(channels));
}

Image decode_image(std::string_view text, const std::string& name, const ReadImageOptions& options) {
  check(options.channels == 0 || options.channels == 1 || options.channels == 3, "decode_image",
        "channels must be 0 (as the file), 1 or 3. Got ", options.channels, ".");
  check(text.size() <= max_file_bytes, name, "too large: ", text.size(), " bytes, at most ", max_file_bytes,
        " are read.");
  const Bytes bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  const ImageStructure structure = detail::read_structure(bytes, name, options.max_pixels);
  Image image = structure.format == ImageFormat::gif ? decoded_gif(name, structure, bytes)
                                                     : decoded(name, structure, bytes, structure.channels);
  if (options.channels == 1 && image.channels == 3) image = to_grey(image);
  if (options.apply_orientation) image = turned_upright(std::move(image), structure.orientation);
  if (options.channels == 3 && image.channels == 1) image = to_colour(image);
  return image;
}

Image read_image(const std::filesystem::path& path, const ReadImageOptions& options) {
  return decode_image(read_file(path, max_file_bytes), path.string(), options);
}

std::string encode_png(const Image& image) {
  check_image(image, "encode_png");
  std::string bytes = detail::stb_encode_png(image.pixels.data(), image.height, image.width, image.channels);
  check(!bytes.empty(), "encode_png", "no memory for a picture of ", image.height, " x ", image.width, ".");
  return bytes;
}

std::string encode_jpeg(const Image& image, const JpegOptions& options) {
  check_image(image, "encode_jpeg");
  check(options.quality >= 1 && options.quality <= 100, "encode_jpeg", "quality must be 1 to 100. Got ",
        options.quality, ".");
  check(image.height <= 65535 && image.width <= 65535, "encode_jpeg", "a JPEG has at most 65535 rows and columns. Got ",
        image.height, " x ", image.width, ".");
  std::string bytes =
      detail::stb_encode_jpeg(image.pixels.data(), image.height, image.width, image.channels, options.quality);
  check(!bytes.empty(), "encode_jpeg", "no memory for a picture of ", image.height, " x ", image.width, ".");
  return bytes;
}

void write_png(const std::filesystem::path& path, const Image& image) {
  write_file_atomically(path, encode_png(image));
}

void write_jpeg(const std::filesystem::path& path, const Image& image, const JpegOptions& options) {
  write_file_atomically(path, encode_jpeg(image, options));
}

}  // namespace mien
