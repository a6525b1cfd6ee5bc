// Pictures in memory and in files.
//
// An Image is plain bytes: rows from the top, one or three of them a pixel. Reading decides by a file's content, never
// by its name, and accepts a file only where it is whole: a decoder that fills a cut file with grey is not believed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace mien {

/// A picture of 8 bits a channel: `pixels` holds height * width * channels bytes, rows from the top, channels together.
struct Image {
  int height = 0;
  int width = 0;
  int channels = 0;  ///< 1 (grey) or 3 (red, green, blue)
  std::vector<std::uint8_t> pixels;

  Image() = default;
  /// A black picture. Throws unless height and width are at least 1 and channels is 1 or 3.
  Image(int height, int width, int channels);

  std::uint8_t* row(int index) { return pixels.data() + offset(index); }
  const std::uint8_t* row(int index) const { return pixels.data() + offset(index); }
  std::uint8_t& at(int row_index, int column, int channel = 0) { return row(row_index)[column * channels + channel]; }
  std::uint8_t at(int row_index, int column, int channel = 0) const {
    return row(row_index)[column * channels + channel];
  }
  bool operator==(const Image&) const = default;

 private:
  std::size_t offset(int index) const {
    return static_cast<std::size_t>(index) * static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
  }
};

/// How a picture is read.
struct ReadImageOptions {
  int channels = 0;                       ///< 1 turns colour into grey, 3 grey into colour, 0 keeps what the file has
  bool apply_orientation = true;          ///< turn the picture as its EXIF block asks
  std::int64_t max_pixels = 200'000'000;  ///< a header that claims more is refused before any memory is taken
};

/// Reads a JPEG (baseline, progressive), PNG (every depth; 16 bits to 8 by >> 8), BMP or GIF (its first frame).
/// Alpha is ignored, not blended. Safe to call from many threads.
///
/// Throws Error naming the file, the place in it and what was expected there. The message goes on, after the name, with
/// `empty:`, `unknown format:`, `truncated:`, `malformed:`, `too large:`, `not supported:` or `cannot be read:`.
Image read_image(const std::filesystem::path& path, const ReadImageOptions& options = {});

/// As read_image, of a file's bytes; `name` stands for the file in messages.
Image decode_image(std::string_view bytes, const std::string& name, const ReadImageOptions& options = {});

/// The picture as the bytes of a PNG file.
std::string encode_png(const Image& image);

/// How a JPEG is written.
struct JpegOptions {
  int quality = 90;  ///< 1 to 100
};

/// The picture as the bytes of a baseline JPEG file.
std::string encode_jpeg(const Image& image, const JpegOptions& options = {});

/// Writes a PNG file; whole or not at all (write_file_atomically).
void write_png(const std::filesystem::path& path, const Image& image);

/// Writes a JPEG file; whole or not at all (write_file_atomically).
void write_jpeg(const std::filesystem::path& path, const Image& image, const JpegOptions& options = {});

}  // namespace mien
