// What the tests of plots share: counting, cutting out, and whether an SVG is well-formed.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

inline std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// Checks that elements are closed in the order in which they were opened, and returns how many there are.
inline std::size_t well_formed(const std::string& svg) {
  std::vector<std::string> open;
  std::size_t elements = 0;
  for (std::size_t at = svg.find('<'); at != svg.npos; at = svg.find('<', at + 1)) {
    const std::size_t end = svg.find('>', at);
    REQUIRE(end != svg.npos);
    const std::string tag = svg.substr(at + 1, end - at - 1);
    REQUIRE(tag.find('<') == tag.npos);
    if (tag.front() == '/') {
      REQUIRE_FALSE(open.empty());
      REQUIRE(open.back() == tag.substr(1));
      open.pop_back();
      continue;
    }
    ++elements;
    REQUIRE(count(tag, "\"") % 2 == 0);
    if (tag.back() != '/') open.push_back(tag.substr(0, tag.find(' ')));
  }
  REQUIRE(open.empty());
  return elements;
}

inline std::string after(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin);
  REQUIRE(from != text.npos);
  return text.substr(from + begin.size(), text.find(end, from + begin.size()) - from - begin.size());
}
