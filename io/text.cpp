#include "mien/io/text.h"

#include <algorithm>

namespace mien {

namespace {

bool starts_character(char c) { return (c & 0xc0) != 0x80; }

}  // namespace

int columns(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string cut_to_width(std::string_view text, int width, std::string_view ending) {
  if (columns(text) <= width) return std::string(text);
  const int room = std::max(width - columns(ending), 0);
  std::size_t length = 0;
  for (int used = 0; length < text.size(); ++length)
    if (starts_character(text[length]) && ++used > room) break;
  return std::string(text.substr(0, length)).append(columns(ending) <= width ? ending : "");
}

std::string printable(std::string_view text) {
  std::string result = cut_to_width(text.substr(0, 1000), 200);
  for (char& c : result)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return result;
}

}  // namespace mien
