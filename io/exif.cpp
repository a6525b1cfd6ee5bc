// A TIFF block: byte order, 42, offset of the first directory; a directory: a count, then entries of 12 bytes.
#include "mien/io/exif.h"

#include <cstddef>

namespace mien {
namespace {

class TiffBlock {
 public:
  explicit TiffBlock(std::span<const std::uint8_t> bytes)
      : bytes_(bytes), big_endian_(bytes.size() >= 2 && bytes[0] == 'M') {}

  bool holds(std::size_t position, std::size_t count) const {
    return position <= bytes_.size() && count <= bytes_.size() - position;
  }
  std::uint32_t integer(std::size_t position, std::size_t count) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t byte = big_endian_ ? i : count - 1 - i;
      value = value << 8 | bytes_[position + byte];
    }
    return value;
  }
  bool has_header() const {
    return holds(0, 8) && bytes_[0] == bytes_[1] && (bytes_[0] == 'I' || bytes_[0] == 'M') && integer(2, 2) == 42;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  bool big_endian_;
};

constexpr std::uint32_t orientation_tag = 0x0112;
constexpr std::uint32_t type_short = 3, type_long = 4;
constexpr std::size_t entry_size = 12;

}  // namespace

int exif_orientation(std::span<const std::uint8_t> tiff) {
  const TiffBlock block(tiff);
  if (!block.has_header()) return 1;
  const std::size_t directory = block.integer(4, 4);
  if (!block.holds(directory, 2)) return 1;
  const std::size_t entries = block.integer(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * entry_size;
    if (!block.holds(entry, entry_size)) return 1;
    if (block.integer(entry, 2) != orientation_tag) continue;
    const std::uint32_t type = block.integer(entry + 2, 2), count = block.integer(entry + 4, 4);
    if ((type != type_short && type != type_long) || count != 1) return 1;
    const std::uint32_t value = block.integer(entry + 8, type == type_short ? 2 : 4);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace mien
