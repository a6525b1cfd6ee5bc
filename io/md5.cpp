#include "mien/io/md5.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <system_error>
#include <vector>

#include "mien/kernels/error.h"

namespace mien {
namespace {

/// The integer part of 2^32 |sin(i + 1)|.
const std::array<std::uint32_t, 64> sines = [] {
  std::array<std::uint32_t, 64> table{};
  for (int i = 0; i < 64; ++i)
    table[static_cast<std::size_t>(i)] = static_cast<std::uint32_t>(std::floor(std::abs(std::sin(i + 1.0)) * 0x1p32));
  return table;
}();

constexpr int turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

std::uint32_t word_at(const std::uint8_t* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8 |
         static_cast<std::uint32_t>(bytes[2]) << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
}

}  // namespace

void Md5::take_block(const std::uint8_t* block) {
  std::array<std::uint32_t, 16> words;
  for (std::size_t i = 0; i < 16; ++i) words[i] = word_at(block + 4 * i);
  auto [a, b, c, d] = state_;
  for (std::uint32_t i = 0; i < 64; ++i) {
    const std::uint32_t round = i / 16;
    std::uint32_t mixed, word;
    if (round == 0)
      mixed = (b & c) | (~b & d), word = i;
    else if (round == 1)
      mixed = (d & b) | (~d & c), word = 5 * i + 1;
    else if (round == 2)
      mixed = b ^ c ^ d, word = 3 * i + 5;
    else
      mixed = c ^ (b | ~d), word = 7 * i;
    const std::uint32_t sum = a + mixed + sines[i] + words[word % 16];
    a = d, d = c, c = b;
    b += std::rotl(sum, turns[round][i % 4]);
  }
  state_[0] += a, state_[1] += b, state_[2] += c, state_[3] += d;
}

Md5& Md5::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t held = length_ % 64, taken = std::min(64 - held, bytes.size());
    if (taken == 64) {
      take_block(reinterpret_cast<const std::uint8_t*>(bytes.data()));
    } else {
      std::memcpy(block_.data() + held, bytes.data(), taken);
      if (held + taken == 64) take_block(block_.data());
    }
    length_ += taken;
    bytes.remove_prefix(taken);
  }
  return *this;
}

Md5::Digest Md5::digest() const {
  Md5 padded = *this;
  const std::uint64_t bits = length_ * 8;
  std::string end(1, '\x80');
  end.append((55 - length_ % 64 + 64) % 64, '\0');
  for (int i = 0; i < 8; ++i) end += static_cast<char>(bits >> 8 * i & 0xff);
  padded.add(end);
  Digest digest;
  for (std::size_t i = 0; i < 16; ++i) digest[i] = static_cast<std::uint8_t>(padded.state_[i / 4] >> 8 * (i % 4));
  return digest;
}

std::string Md5::text() const {
  std::string digits;
  for (const std::uint8_t byte : digest()) {
    digits += "0123456789abcdef"[byte >> 4];
    digits += "0123456789abcdef"[byte & 15];
  }
  return digits;
}

std::string md5_of(std::string_view bytes) { return Md5().add(bytes).text(); }

std::string md5_of_file(const std::filesystem::path& path, const std::function<void(std::uint64_t)>& progress) {
  check(std::filesystem::is_regular_file(path), path.string(), "this is no file.");
  std::ifstream file(path, std::ios::binary);
  check(file.is_open(), path.string(), "it cannot be read: ", std::generic_category().message(errno), ".");
  Md5 sum;
  std::vector<char> piece(1 << 20);
  std::uint64_t done = 0;
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    sum.add(piece.data(), static_cast<std::size_t>(file.gcount()));
    done += static_cast<std::uint64_t>(file.gcount());
    if (progress) progress(done);
  }
  check(file.eof(), path.string(), "it cannot be read to its end.");
  return sum.text();
}

}  // namespace mien
