// What an image file claims to hold, and whether it is all there: the part of reading that comes before decoding.
// Internal to io.
//
// Decoders are lenient: cut data becomes grey or black, a size is believed before memory is taken. So each format's
// skeleton (JPEG markers, PNG chunks, GIF blocks, BMP rows) is walked first, in a few microseconds, and a file that is
// cut, contradicts itself or could never hold the pixels it claims is refused with the byte where that shows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mien/kernels/error.h"

namespace mien::detail {

enum class ImageFormat { jpeg, png, bmp, gif };

/// The first frame of a GIF, and where its file says what is transparent.
struct GifFrame {
  int top = 0;
  int left = 0;
  int height = 0;
  int width = 0;
  std::vector<std::size_t> transparency_flags;  ///< bytes whose bit 0 marks a transparent colour
};

/// The skeleton of a whole, plausible file.
struct ImageStructure {
  ImageFormat format = ImageFormat::jpeg;
  int height = 0;
  int width = 0;
  int channels = 3;     ///< 1 where the file stores grey, else 3
  int orientation = 1;  ///< from its EXIF block
  GifFrame frame = {};
};

/// Walks the file's skeleton. Throws Error as read_image does.
ImageStructure read_structure(std::span<const std::uint8_t> bytes, const std::string& name, std::int64_t max_pixels);

/// The bytes of a file with a position in them, and the errors about that position.
class ImageBytes {
 public:
  ImageBytes(std::span<const std::uint8_t> bytes, const std::string& name, const char* format)
      : bytes_(bytes), name_(name), format_(format) {}

  std::size_t position() const { return position_; }
  std::size_t left() const { return bytes_.size() - position_; }
  std::span<const std::uint8_t> peek(std::size_t count) const { return bytes_.subspan(position_, count); }

  /// Throws "truncated" unless `count` more bytes are there for `what`.
  void need(std::size_t count, const char* what) const {
    if (count > left()) truncated(what, " needs ", count, " bytes here, ", left(), " are left");
  }
  std::span<const std::uint8_t> take(std::size_t count, const char* what) {
    need(count, what);
    position_ += count;
    return bytes_.subspan(position_ - count, count);
  }
  void skip(std::size_t count, const char* what) { take(count, what); }
  std::uint32_t big_endian(std::size_t count, const char* what) {
    std::uint32_t value = 0;
    for (const std::uint8_t byte : take(count, what)) value = value << 8 | byte;
    return value;
  }
  std::uint32_t little_endian(std::size_t count, const char* what) {
    std::uint32_t value = 0;
    int shift = 0;
    for (const std::uint8_t byte : take(count, what)) value |= std::uint32_t{byte} << shift, shift += 8;
    return value;
  }

  template <class... Parts>
  [[noreturn]] void truncated(const Parts&... parts) const {
    fail(name_, "truncated: ", format_, " of ", bytes_.size(), " bytes, at byte ", position_, ": ", parts..., ".");
  }
  template <class... Parts>
  [[noreturn]] void malformed(const Parts&... parts) const {
    fail(name_, "malformed: ", format_, ", at byte ", position_, ": ", parts..., ".");
  }
  template <class... Parts>
  [[noreturn]] void unsupported(const Parts&... parts) const {
    fail(name_, "not supported: ", format_, ", at byte ", position_, ": ", parts..., ".");
  }

  /// Refuses a picture without pixels ("malformed") or with over `max_pixels` ("too large").
  void check_size(std::int64_t width, std::int64_t height, std::int64_t max_pixels) const {
    if (width <= 0 || height <= 0) malformed("the picture is ", width, " x ", height, ", expected at least 1 x 1");
    if (width > max_pixels / height)
      fail(name_, "too large: ", format_, ", at byte ", position_, ": the header says ", width, " x ", height,
           " pixels, at most ", max_pixels, " are read.");
  }

 private:
  std::span<const std::uint8_t> bytes_;
  const std::string& name_;
  const char* format_;
  std::size_t position_ = 0;
};

/// The skeletons of the four formats; each expects its signature, checked before.
ImageStructure jpeg_structure(ImageBytes bytes, std::int64_t max_pixels);
ImageStructure png_structure(ImageBytes bytes, std::int64_t max_pixels);
ImageStructure gif_structure(ImageBytes bytes, std::int64_t max_pixels);
ImageStructure bmp_structure(ImageBytes bytes, std::int64_t max_pixels);

}  // namespace mien::detail
