#include "mien/core/numbers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "mien/kernels/error.h"

namespace mien {

namespace {

template <class Number>
std::string shortest_text(Number value) {
  if (std::isnan(value)) return "nan";
  std::array<char, 64> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

template <class Number>
std::optional<Number> parse(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "3 m 07 s": the second number always has two digits.
std::string two_parts(std::int64_t large, const char* large_unit, std::int64_t small, const char* small_unit) {
  return join(large, " ", large_unit, small < 10 ? " 0" : " ", small, " ", small_unit);
}

}  // namespace

std::string shortest(double value) { return shortest_text(value); }
std::string shortest(float value) { return shortest_text(value); }

std::string fixed(double value, int decimals) {
  if (!std::isfinite(value)) return shortest(value);
  check(decimals >= 0 && decimals <= 40, "fixed", "decimals lie between 0 and 40. Got ", decimals, ".");
  std::array<char, 400> text;  // the largest double has 309 digits before its point
  char* end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, decimals).ptr;
  std::string result(text.data(), end);
  if (result.front() == '-' && result.find_first_of("123456789") == result.npos) result.erase(0, 1);
  return result;
}

std::string grouped(std::int64_t value) {
  std::string text = std::to_string(value);
  const std::size_t first_digit = value < 0 ? 1 : 0;
  for (std::size_t place = text.size(); place > first_digit + 3;) text.insert(place -= 3, 1, ',');
  return text;
}

std::string percent(double fraction, int decimals) { return fixed(100 * fraction, decimals) + " %"; }

std::string duration(double seconds) {
  if (!std::isfinite(seconds) || seconds > 1e15) return "?";
  seconds = std::max(seconds, 0.0);
  if (seconds < 0.995) return fixed(seconds, 2) + " s";
  if (seconds < 9.95) return fixed(seconds, 1) + " s";
  const std::int64_t whole = std::llround(seconds);
  const std::int64_t minute = 60, hour = 60 * minute, day = 24 * hour;
  if (whole < minute) return join(whole, " s");
  if (whole < hour) return two_parts(whole / minute, "m", whole % minute, "s");
  if (whole < day) return two_parts(whole / hour, "h", whole % hour / minute, "m");
  return two_parts(whole / day, "d", whole % day / hour, "h");
}

std::optional<double> parse_number(std::string_view text) { return parse<double>(text); }
std::optional<std::int64_t> parse_integer(std::string_view text) { return parse<std::int64_t>(text); }

}  // namespace mien
