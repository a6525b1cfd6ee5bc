#include "mien/io/svg.h"

#include <array>
#include <cstdint>

#include "mien/core/numbers.h"
#include "mien/io/html.h"

namespace mien {

namespace {

// Okabe and Ito, "Color Universal Design" (2008): for each series the colour on light and on dark paper, chosen for
// contrast with it. The empty one is the colour of the text.
struct SeriesColour {
  std::string_view light, dark;
};
constexpr std::array<SeriesColour, 7> series_colours = {{{"#0072B2", "#56B4E9"},
                                                         {"#D55E00", "#E69F00"},
                                                         {"#009E73", "#009E73"},
                                                         {"#CC79A7", "#CC79A7"},
                                                         {"", ""},
                                                         {"#E69F00", "#F0E442"},
                                                         {"#56B4E9", "#D55E00"}}};
constexpr std::array<std::string_view, 5> dash_patterns = {"", "7 3", "2 3", "10 3 2 3", "14 4"};

std::string colour_rules(bool dark) {
  std::string rules;
  for (std::size_t i = 0; i < series_colours.size(); ++i) {
    const std::string_view own = dark ? series_colours[i].dark : series_colours[i].light;
    const std::string_view colour = own.empty() ? "currentColor" : own;
    rules += join(".mien-plot .s", i, "{stroke:", colour, "}.mien-plot .f", i, "{fill:", colour, "}");
  }
  return rules;
}

// Rules for :root hold only where the picture stands alone; in a page it takes the page's colours. On narrow screens
// the picture shrinks, so its texts grow.
std::string style() {
  return join(
      "<style>.mien-plot{display:block;width:100%;height:auto;max-width:640px;margin:0 auto;"
      "font-family:system-ui,sans-serif}",
      ".mien-plot text{font-size:12px;fill:currentColor;font-variant-numeric:tabular-nums}",
      "@media(max-width:520px){.mien-plot text{font-size:16px}}",
      ".mien-plot .strong{font-weight:600}.mien-plot .number{font-size:17px}.mien-plot .small{font-size:11px}",
      ".mien-plot .grid{stroke:currentColor;stroke-opacity:.15}.mien-plot .axis{stroke:currentColor;stroke-opacity:.6}",
      ".mien-plot .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}",
      ".mien-plot .band{fill-opacity:.2;stroke:none}",
      ".mien-plot text.faint{fill-opacity:.65}.mien-plot .mark{fill:none;stroke:currentColor;stroke-width:1.5}",
      ".mien-plot .level{fill:none;stroke:currentColor;stroke-opacity:.7;stroke-dasharray:4 3}",
      ".mien-plot .part{fill-opacity:.4}.mien-plot .hollow{fill:none;stroke:currentColor;stroke-width:1.6}",
      ".mien-plot .bar{fill-opacity:.3}",
      ".mien-plot .heat{fill:#0072B2}.mien-plot .cell{fill:none;stroke:currentColor;stroke-opacity:.25}",
      ".mien-plot text.on-full{fill:#fff}", colour_rules(false), ".mien-plot:root{color:#1f2328;background:#fff}",
      "@media screen and (prefers-color-scheme:dark){", colour_rules(true),
      ".mien-plot .level{fill:none;stroke:currentColor;stroke-opacity:.7;stroke-dasharray:4 3}",
      ".mien-plot .part{fill-opacity:.4}.mien-plot .hollow{fill:none;stroke:currentColor;stroke-width:1.6}",
      ".mien-plot .bar{fill-opacity:.3}",
      ".mien-plot .heat{fill:#56B4E9}.mien-plot text.on-half,.mien-plot text.on-full{fill:#000}",
      ".mien-plot:root{color:#e6edf3;background:#0d1117}}</style>");
}

// FNV-1a, 64 bit.
std::string identifier(std::string_view content) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : content) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  std::string text = "plot-";
  for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[hash >> shift & 15];
  return text;
}

}  // namespace

std::string coordinate(double value) {
  std::string text = fixed(value, 2);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string series_class(std::size_t index) { return std::to_string(index % series_colours.size()); }

std::string series_dashes(std::size_t index) {
  const std::string_view pattern = dash_patterns[index % dash_patterns.size()];
  return pattern.empty() ? "" : join(" stroke-dasharray=\"", pattern, "\"");
}

void SvgDrawing::add_text(double x, double y, std::string_view text, Anchor anchor, std::string_view classes) {
  const char* anchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
  add("<text x=\"", coordinate(x), "\" y=\"", coordinate(y), "\"", anchors[static_cast<int>(anchor)]);
  if (!classes.empty()) add(" class=\"", classes, "\"");
  add(">", escape_html(text), "</text>");
}

std::string SvgDrawing::finish(double height, std::string_view title, std::string_view description) const {
  const std::string id = identifier(join(title, '\n', description, '\n', body_));
  std::string body = body_;
  for (std::size_t at = 0; (at = body.find(identifier_mark, at)) != body.npos; at += id.size())
    body.replace(at, identifier_mark.size(), id);
  return join("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"mien-plot\" viewBox=\"0 0 ", coordinate(plot_width),
              " ", coordinate(height), "\" role=\"img\" aria-labelledby=\"", id, "-title ", id, "-text\"><title id=\"",
              id, "-title\">", escape_html(title), "</title><desc id=\"", id, "-text\">", escape_html(description),
              "</desc>", style(), body, "</svg>\n");
}

}  // namespace mien
