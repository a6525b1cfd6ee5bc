// CRC-32 against sums that are known, and against its definition, bit by bit.
#include <catch2/catch.hpp>

#include <span>
#include <string>
#include <vector>

#include "mien/io/crc32.h"

using namespace mien;

namespace {

/// The remainder of the bytes, lowest bit first, by the polynomial of ISO/IEC 15948, annex D.
std::uint32_t remainder_by_bits(std::string_view bytes) {
  std::uint32_t value = 0xffffffff;
  for (const char c : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const std::uint32_t out = (value ^ static_cast<unsigned char>(c) >> bit) & 1;
      value = value >> 1 ^ (out != 0 ? 0xedb88320u : 0);
    }
  return ~value;
}

}  // namespace

TEST_CASE("CRC-32 gives the check value of its catalogue, and that of PNG's end chunk") {
  CHECK(crc32("") == 0);
  CHECK(crc32("123456789") == 0xcbf43926u);
  CHECK(crc32("IEND") == 0xae426082u);
  const std::vector<std::uint8_t> end{'I', 'E', 'N', 'D'};
  CHECK(crc32(std::span<const std::uint8_t>(end)) == 0xae426082u);
}

TEST_CASE("CRC-32 of any length is its definition, whole and in pieces") {
  std::string text;
  for (std::size_t length = 0; length < 40; ++length) {
    INFO(length);
    CHECK(crc32(text) == remainder_by_bits(text));
    for (std::size_t cut = 0; cut <= length; ++cut)
      CHECK(crc32(std::string_view(text).substr(cut), crc32(std::string_view(text).substr(0, cut))) == crc32(text));
    text += static_cast<char>(length * length * 31 + 200);
  }
}
