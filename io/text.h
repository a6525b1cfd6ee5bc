// How much room a text takes, and texts of unknown origin.
#pragma once

#include <string>
#include <string_view>

namespace mien {

/// Columns that UTF-8 text takes, one a character.
int columns(std::string_view text);

/// The longest beginning of the text that takes at most so many columns; what is cut off is marked by `ending`.
std::string cut_to_width(std::string_view text, int width, std::string_view ending = "…");

/// A text from a file as it may stand in a message: control characters become '?', and it is cut to 200 columns.
std::string printable(std::string_view text);

}  // namespace mien
