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
#include <type_traits>

namespace mien {

/// What every public function throws when its rules are broken or a file cannot be used.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Joins the parts with operator<<, without locale (a decimal point stays a point). A part that is a function of
/// nothing stands for what it returns.
template <class... Parts>
std::string join(const Parts&... parts) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  const auto put = [&text](const auto& part) {
    if constexpr (std::is_invocable_v<decltype(part)>)
      text << part();
    else
      text << part;
  };
  (put(parts), ...);
  return text.str();
}

/// Throws Error("[where] " + parts).
template <class... Parts>
[[noreturn]] void fail(std::string_view where, const Parts&... parts) {
  throw Error(join("[", where, "] ", parts...));
}

/// Throws Error("[where] " + parts) unless `rule` holds. The text is only put together on failure;
/// where a part of it takes making, hand over a function that makes it.
template <class... Parts>
void check(bool rule, std::string_view where, const Parts&... parts) {
  if (!rule) [[unlikely]]
    fail(where, parts...);
}

}  // namespace mien
