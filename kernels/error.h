// The one exception type, and how its messages are put together.
//
// Every message has the form `[where] rule. values.`: the op or file that objects, the rule that is broken, and the
// values that break it. Errors are thrown on the host, before any work is done.
#pragma once

#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace mien {

/// What every public function throws when its rules are broken or a file cannot be used.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Joins the parts with operator<<, without locale (a decimal point stays a point).
template <class... Parts>
std::string join(const Parts&... parts) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  (text << ... << parts);
  return text.str();
}

/// Throws Error("[where] " + parts).
template <class... Parts>
[[noreturn]] void fail(std::string_view where, const Parts&... parts) {
  throw Error(join("[", where, "] ", parts...));
}

/// Throws Error("[where] " + parts) unless `rule` holds. The text is only put together on failure.
template <class... Parts>
void check(bool rule, std::string_view where, const Parts&... parts) {
  if (!rule) [[unlikely]]
    fail(where, parts...);
}

}  // namespace mien
