// JSON from files of unknown origin.
#pragma once

#include <cstddef>
#include <string_view>

namespace mien {

/// Where a JSON text is nested deeper than `most`, or npos: to be asked before it is parsed, since a deep value could
/// exhaust the stack of whoever walks it or lets it go.
inline std::size_t too_deep(std::string_view json, int most) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      if (++depth > most) return i;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return json.npos;
}

}  // namespace mien
