// Numbers as text and back, the same under every locale: a decimal point is a point.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mien {

/// The fewest digits that read back as the same number: 0.1, 1e-07, nan, inf.
std::string shortest(double value);
std::string shortest(float value);

/// With so many decimals: fixed(0.42, 3) is "0.420". What rounds to zero has no sign.
std::string fixed(double value, int decimals);

/// With thousands separators: 2,097,408.
std::string grouped(std::int64_t value);

/// A fraction in percent: percent(0.525) is "52.5 %".
std::string percent(double fraction, int decimals = 1);

/// Seconds as people say them: "0.42 s", "7.3 s", "1 m 05 s", "2 h 03 m", "3 d 04 h".
std::string duration(double seconds);

/// The number that the whole text is, or nothing. Takes what shortest() and fixed() write, and a leading '+'.
std::optional<double> parse_number(std::string_view text);
std::optional<std::int64_t> parse_integer(std::string_view text);

}  // namespace mien
