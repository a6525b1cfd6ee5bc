#include "mien/io/crc32.h"

#include <array>

namespace mien {
namespace {

// tables[k][byte]: what the byte leaves behind once k zero bytes have followed it. So four bytes take one step.
constexpr std::array<std::array<std::uint32_t, 256>, 4> tables = [] {
  std::array<std::array<std::uint32_t, 256>, 4> result{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0xedb88320u : 0);
    result[0][byte] = value;
  }
  for (std::size_t table = 1; table < 4; ++table)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t value = result[table - 1][byte];
      result[table][byte] = value >> 8 ^ result[0][value & 255];
    }
  return result;
}();

}  // namespace

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) {
  const auto byte = [&](std::size_t place) { return std::uint32_t{static_cast<unsigned char>(bytes[place])}; };
  std::uint32_t value = ~before;
  while (bytes.size() >= 4) {
    value ^= byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24;
    value =
        tables[3][value & 255] ^ tables[2][value >> 8 & 255] ^ tables[1][value >> 16 & 255] ^ tables[0][value >> 24];
    bytes.remove_prefix(4);
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) value = value >> 8 ^ tables[0][(value ^ byte(i)) & 255];
  return ~value;
}

}  // namespace mien
