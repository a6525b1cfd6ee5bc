// How much room a text takes.
#pragma once

#include <string>
#include <string_view>

namespace mien {

/// Columns that UTF-8 text takes, one a character.
int columns(std::string_view text);

/// The longest beginning of the text that takes at most so many columns; what is cut off is marked by `ending`.
std::string cut_to_width(std::string_view text, int width, std::string_view ending = "…");

}  // namespace mien
