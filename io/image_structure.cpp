// The skeletons of PNG (ISO/IEC 15948, chunks), GIF (GIF89a, blocks) and BMP (a header, then rows).
#include "mien/io/image_structure.h"

#include <algorithm>
#include <string_view>

#include "mien/io/crc32.h"
#include "mien/io/exif.h"

namespace mien::detail {
namespace {

constexpr std::string_view png_signature("\x89PNG\r\n\x1a\n", 8);

// Deflate writes 258 bytes in two bits at best.
constexpr std::int64_t deflate_largest_ratio = 1032;

struct PngHeader {
  std::int64_t width, height;
  int depth, colour;

  int channels() const { return colour == 2 ? 3 : colour == 4 ? 2 : colour == 6 ? 4 : 1; }
  std::int64_t decoded_bytes() const { return (width * depth * channels() + 7) / 8 * height; }
};

PngHeader png_header(ImageBytes& bytes, std::int64_t max_pixels) {
  PngHeader header{};
  header.width = bytes.big_endian(4, "the width");
  header.height = bytes.big_endian(4, "the height");
  bytes.check_size(header.width, header.height, max_pixels);
  header.depth = static_cast<int>(bytes.big_endian(1, "the bit depth"));
  header.colour = static_cast<int>(bytes.big_endian(1, "the colour type"));
  const int depth = header.depth, colour = header.colour;
  const bool colour_known = colour == 0 || colour == 2 || colour == 3 || colour == 4 || colour == 6;
  const bool depth_known = depth == 8 || (depth == 16 && colour != 3) ||
                           ((depth == 1 || depth == 2 || depth == 4) && (colour == 0 || colour == 3));
  if (!colour_known || !depth_known) bytes.malformed("colour type ", colour, " with ", depth, " bits a sample");
  return header;
}

}  // namespace

ImageStructure png_structure(ImageBytes bytes, std::int64_t max_pixels) {
  bytes.skip(png_signature.size(), "the signature");
  PngHeader header{};
  ImageStructure structure{.format = ImageFormat::png};
  std::int64_t data_bytes = 0;
  bool has_palette = false;
  for (bool first = true;; first = false) {
    const std::uint32_t length = bytes.big_endian(4, "a chunk's length (the end chunk IEND is missing)");
    if (length > 0x7FFFFFFF) bytes.malformed("a chunk of ", length, " bytes, at most 2147483647 are legal");
    bytes.need(4, "a chunk's name");
    const auto name = bytes.peek(4);
    const std::string_view type(reinterpret_cast<const char*>(name.data()), 4);
    if (first != (type == "IHDR")) bytes.malformed("the first chunk and only the first must be IHDR");
    if (first && length != 13) bytes.malformed("a header chunk of ", length, " bytes, expected 13");
    if (first) {
      // The size is judged before the chunk's checksum: a header of 0 or 10^10 pixels is worth saying so.
      ImageBytes inside = bytes;
      inside.skip(4, "a chunk's name");
      header = png_header(inside, max_pixels);
    }
    bytes.need(std::size_t{length} + 8, "a chunk with its checksum");
    const auto checked = bytes.take(std::size_t{length} + 4, "a chunk");
    const bool critical = (checked[0] & 0x20) == 0;
    if (critical && type != "IHDR" && type != "PLTE" && type != "IDAT" && type != "IEND")
      bytes.unsupported("a critical chunk of unknown type");
    const std::uint32_t stored = bytes.big_endian(4, "a chunk's checksum");
    if (critical && stored != crc32(checked))
      bytes.malformed("the checksum of chunk ", type, " does not match its data");
    if (type == "PLTE") has_palette = true;
    if (type == "IDAT") data_bytes += length;
    if (type == "eXIf") structure.orientation = exif_orientation(checked.subspan(4));
    if (type == "IEND") break;
  }
  if (data_bytes == 0) bytes.malformed("no data chunk (IDAT) before the end");
  if (header.colour == 3 && !has_palette) bytes.malformed("a palette picture without a palette (PLTE)");
  if (header.decoded_bytes() / deflate_largest_ratio > data_bytes)
    bytes.truncated(data_bytes, " bytes of data can never hold ", header.width, " x ", header.height, " pixels");
  structure.width = static_cast<int>(header.width);
  structure.height = static_cast<int>(header.height);
  structure.channels = header.colour == 0 || header.colour == 4 ? 1 : 3;
  return structure;
}

namespace {

// A chain of sub-blocks, each behind its length, ends in an empty one. Returns the bytes in it.
std::int64_t skip_sub_blocks(ImageBytes& bytes) {
  std::int64_t total = 0;
  for (;;) {
    const std::uint32_t length = bytes.big_endian(1, "a data block's length");
    if (length == 0) return total;
    bytes.skip(length, "a data block");
    total += length;
  }
}

void skip_colour_table(ImageBytes& bytes, std::uint32_t flags) {
  if (flags & 0x80) bytes.skip(std::size_t{3} << ((flags & 7) + 1), "a colour table");
}

}  // namespace

ImageStructure gif_structure(ImageBytes bytes, std::int64_t max_pixels) {
  bytes.skip(6, "the signature");
  ImageStructure structure{.format = ImageFormat::gif};
  auto& frame = structure.frame;
  structure.width = static_cast<int>(bytes.little_endian(2, "the width"));
  structure.height = static_cast<int>(bytes.little_endian(2, "the height"));
  bytes.check_size(structure.width, structure.height, max_pixels);
  const std::uint32_t screen_flags = bytes.little_endian(1, "the screen's flags");
  bytes.skip(2, "the screen descriptor");
  skip_colour_table(bytes, screen_flags);
  bool first = true;
  for (;;) {
    const std::uint32_t introducer = bytes.big_endian(1, "a block (the trailer 3B is missing)");
    if (introducer == 0x3B) break;
    if (introducer == 0x21) {
      const std::uint32_t label = bytes.big_endian(1, "an extension's label");
      if (first && label == 0xF9 && bytes.left() >= 2 && bytes.peek(1)[0] == 4)
        frame.transparency_flags.push_back(bytes.position() + 1);
      skip_sub_blocks(bytes);
    } else if (introducer == 0x2C) {
      const int left = static_cast<int>(bytes.little_endian(2, "a frame's left")),
                top = static_cast<int>(bytes.little_endian(2, "a frame's top")),
                width = static_cast<int>(bytes.little_endian(2, "a frame's width")),
                height = static_cast<int>(bytes.little_endian(2, "a frame's height"));
      const std::uint32_t flags = bytes.little_endian(1, "a frame's flags");
      if (first && (width == 0 || height == 0 || left + width > structure.width || top + height > structure.height))
        bytes.malformed("the first frame, ", width, " x ", height, " at (", left, ", ", top,
                        "), is empty or not inside ", structure.width, " x ", structure.height);
      if (first && !((flags | screen_flags) & 0x80)) bytes.malformed("the first frame has no colour table");
      skip_colour_table(bytes, flags);
      bytes.skip(1, "a code size");
      const std::int64_t data_bytes = skip_sub_blocks(bytes);
      // A code has at least two bits and stands for at most 4096 pixels.
      if (first && std::int64_t{width} * height / (4 * 4096) > data_bytes)
        bytes.truncated(data_bytes, " bytes of data can never hold ", width, " x ", height, " pixels");
      if (first) frame.top = top, frame.left = left, frame.height = height, frame.width = width;
      first = false;
    } else if (first || introducer != 0) {  // some writers put stray zeros after a frame
      bytes.malformed("a block starts with byte ", introducer, ", expected 33, 44 or 59");
    }
  }
  if (first) bytes.malformed("the trailer comes before any frame");
  return structure;
}

ImageStructure bmp_structure(ImageBytes bytes, std::int64_t max_pixels) {
  bytes.skip(10, "the file header");
  const std::uint32_t offset = bytes.little_endian(4, "the offset of the pixels");
  const std::uint32_t header_size = bytes.little_endian(4, "the header's size");
  const bool old = header_size == 12;
  if (!old && header_size != 40 && header_size != 56 && header_size != 108 && header_size != 124)
    bytes.unsupported("a header of ", header_size, " bytes, expected 12, 40, 56, 108 or 124");
  bytes.need(header_size - 4, "the header");
  const std::size_t field = old ? 2 : 4;
  const auto width = static_cast<std::int32_t>(bytes.little_endian(field, "the width"));
  const auto signed_height = static_cast<std::int32_t>(bytes.little_endian(field, "the height"));
  const std::int64_t height =
      signed_height < 0 ? -std::int64_t{signed_height} : signed_height;  // below 0: top row first
  bytes.check_size(width, height, max_pixels);
  bytes.skip(2, "the planes");
  const std::uint32_t bits = bytes.little_endian(2, "the bits a pixel");
  const std::uint32_t compression = old ? 0 : bytes.little_endian(4, "the compression");
  if (compression != 0 && compression != 3) bytes.unsupported("compression ", compression, ", expected none");
  const bool depth_known = bits == 24 || (!old && (bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 32));
  if (!depth_known) bytes.unsupported(bits, " bits a pixel under a header of ", header_size, " bytes");
  const std::int64_t row = (std::int64_t{width} * bits + 7) / 8, stride = (row + 3) / 4 * 4;
  ImageBytes pixels = bytes;
  if (offset < bytes.position()) bytes.malformed("the pixels start at byte ", offset, ", within the header");
  pixels.skip(offset - bytes.position(), "the space before the pixels");
  pixels.need(static_cast<std::size_t>(stride * (height - 1) + row), "the pixels");
  return {.format = ImageFormat::bmp, .height = static_cast<int>(height), .width = width};
}

ImageStructure read_structure(std::span<const std::uint8_t> bytes, const std::string& name, std::int64_t max_pixels) {
  check(!bytes.empty(), name, "empty: the file has no bytes.");
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 8));
  if (start.starts_with("\xFF\xD8")) return jpeg_structure({bytes, name, "JPEG"}, max_pixels);
  if (start.starts_with(png_signature)) return png_structure({bytes, name, "PNG"}, max_pixels);
  if (start.starts_with("GIF87a") || start.starts_with("GIF89a"))
    return gif_structure({bytes, name, "GIF"}, max_pixels);
  if (start.starts_with("BM")) return bmp_structure({bytes, name, "BMP"}, max_pixels);
  std::string found;
  for (const char byte : start) {
    const char* digits = "0123456789abcdef";
    const auto value = static_cast<unsigned char>(byte);
    found += {' ', digits[value >> 4], digits[value & 15]};
  }
  fail(name, "unknown format: the file starts with", found, ", expected a JPEG, PNG, BMP or GIF.");
}

}  // namespace mien::detail
