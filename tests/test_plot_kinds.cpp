// Plots beyond curves: intervals, reliability diagrams, grids of pictures; levels in line plots.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <string>

#include "mien/io/image_grid.h"
#include "mien/io/plot.h"
#include "mien/kernels/error.h"
#include "plot_testing.h"

using namespace mien;
using Catch::Matchers::Contains;

namespace {

const double nothing = std::nan("");

const IntervalPlot variants{
    .title = "Test accuracy",
    .x_title = "accuracy (%)",
    .rows = {"Attempt 1", "Best"},
    .series = {{.name = "random", .values = {50, 60}, .lower = {45, 55}, .upper = {55, 65}, .parts = {{48, 52}, {60}}},
               {.name = "by person", .values = {40, nothing}}},
    .reference = {.name = "the report", .values = {63.5, nothing}},
    .levels = {{.y = 20, .label = "guessing"}},
    .x_low = 0,
    .x_high = 100};

const ReliabilityPlot reliability{.title = "Reliability",
                                  .bins = {{0, 0.5, 0, 0, 0}, {0.5, 0.75, 4, 0.6, 0.5}, {0.75, 1, 12, 0.9, 0.75}}};

Image grey(int height, int width) {
  Image image(height, width, 1);
  image.pixels.assign(image.pixels.size(), 128);
  return image;
}

// Where on the plot's x axis a coordinate stands: its tick labels give two known places.
double x_of_label(const std::string& svg, const std::string& label) {
  const std::size_t at = svg.find("\" text-anchor=\"middle\">" + label + "</text>");
  REQUIRE(at != svg.npos);
  const std::size_t begin = svg.rfind("x=\"", at);
  return std::stod(svg.substr(begin + 3));
}

}  // namespace

TEST_CASE("an interval plot has a mark for each value, none where there is no value") {
  const std::string svg = to_svg(variants);
  well_formed(svg);
  CHECK(count(svg, "<path class=\"dot f0\"") == 2 + 1);  // two rows and the legend
  CHECK(count(svg, "<path class=\"dot f1\"") == 1 + 1);
  CHECK(count(svg, "<path class=\"dot f0 part\"") == 3);
  CHECK(count(svg, "<path class=\"line s0\"") == 2);
  CHECK(count(svg, "<path class=\"line s1\"") == 0);
  CHECK(count(svg, "class=\"hollow\"") == 1 + 1);
  CHECK(count(svg, "class=\"level\"") == 2);  // a piece in each row
  CHECK(svg.find("nan") == svg.npos);
  CHECK_THAT(svg, Contains(">Attempt 1</text>") && Contains(">guessing</text>") && Contains(">the report</text>") &&
                      Contains("Attempt 1, random: 50 (45 to 55)</title>"));
  CHECK_THAT(after(svg, "<desc", "</desc>"),
             Contains("Attempt 1: random 50 (45 to 55), by person 40, the report 63.5.") &&
                 Contains("Best: random 60 (55 to 65), by person no value, the report no value.") &&
                 Contains("Level: guessing at 20."));
}

TEST_CASE("an interval stands where the axis says") {
  const std::string svg = to_svg(variants);
  const double at_0 = x_of_label(svg, "0"), at_100 = x_of_label(svg, "100");
  const std::string line = after(after(svg, "<path class=\"line s0\"", "/>"), " d=\"M", "\"");
  CHECK(std::stod(line) == Approx(at_0 + 0.45 * (at_100 - at_0)).margin(0.02));
  CHECK(std::stod(after(line + "M", "H", "M")) == Approx(at_0 + 0.55 * (at_100 - at_0)).margin(0.02));
}

TEST_CASE("an interval plot of nothing, or of parts that do not fit, is refused") {
  CHECK_THROWS_WITH(to_svg(IntervalPlot{}), Contains("needs rows and series"));
  IntervalPlot plot = variants;
  plot.series[0].values.pop_back();
  CHECK_THROWS_WITH(to_svg(plot), "[plot] series 'random' has 1 values for 2 rows.");
  plot = variants;
  plot.series[0].lower.clear();
  CHECK_THROWS_WITH(to_svg(plot), Contains("need both their ends"));
  plot = variants;
  plot.series[0].parts.pop_back();
  CHECK_THROWS_WITH(to_svg(plot), Contains("one list a row. Got 1 for 2 rows"));
  plot = variants;
  for (IntervalSeries& series : plot.series) series = {.name = series.name, .values = {nothing, INFINITY}};
  well_formed(to_svg(plot));
  CHECK(to_svg(plot).find("inf") == std::string::npos);
}

TEST_CASE("a reliability diagram has a bar, a mark and a count for each bin that is not empty") {
  const std::string svg = to_svg(reliability);
  well_formed(svg);
  CHECK(count(svg, "<rect class=\"bar f0\"") == 2);
  CHECK(count(svg, "<rect class=\"bar f4\"") == 2);
  CHECK(count(svg, "<circle class=\"dot f0\"") == 2);
  CHECK_THAT(svg, Contains("answers, of 16") && Contains("as often right as sure"));
  CHECK_THAT(after(svg, "<desc", "</desc>"),
             Contains("confidence 0.75 to 1: 12 answers, mean confidence 90.0 %, right 75.0 %."));
  // Bars of the histogram are as high as their counts: 4 to 12.
  const std::size_t first = svg.find("<rect class=\"bar f4\""), second = svg.find("<rect class=\"bar f4\"", first + 1);
  const double low = std::stod(after(svg.substr(first), "height=\"", "\"")),
               high = std::stod(after(svg.substr(second), "height=\"", "\""));
  CHECK(high / low == Approx(3).epsilon(0.01));
}

TEST_CASE("a reliability diagram without answers or with impossible bins is refused") {
  CHECK_THROWS_WITH(to_svg(ReliabilityPlot{}), Contains("at least one answer"));
  CHECK_THROWS_WITH(to_svg(ReliabilityPlot{.bins = {{0.5, 1.5, 1, 0.6, 0.5}}}), Contains("lies in 0 … 1"));
  CHECK_THROWS_WITH(to_svg(ReliabilityPlot{.bins = {{0.5, 1, 1, nothing, 0.5}}}), Contains("lie in 0 … 1. Got nan"));
}

TEST_CASE("a grid of pictures holds them all, each with its words") {
  const ImageGridPlot grid{
      .title = "Faces",
      .groups = {{"happy",
                  {{.image = grey(8, 8), .label = "happy, taken for sad (81 %)", .detail = "a<b>.jpg"},
                   {.image = grey(4, 8), .description = "a wide one"}}},
                 {"none", {}},
                 {"filters", {{.image = grey(3, 3), .label = "1", .pixelated = true}}}},
      .columns = 1};
  const std::string svg = to_svg(grid);
  well_formed(svg);
  CHECK(count(svg, "<image ") == 3);
  CHECK(count(svg, "href=\"data:image/jpeg;base64,") == 2);
  CHECK(count(svg, "href=\"data:image/png;base64,") == 1);
  CHECK_THAT(svg, Contains(">happy</text>") && Contains("happy, taken for sad (81 %)</text>") &&
                      Contains("<title>a wide one</title>"));
  CHECK(svg.find("a<b>") == svg.npos);
  CHECK(svg.find(">none</text>") == svg.npos);
  CHECK_THAT(after(svg, "<desc", "</desc>"), Contains("a wide one.") && Contains("filters: 1."));
}

TEST_CASE("pictures keep their shape and are not embedded larger than asked") {
  const auto side = [](const GridPicture& picture, int pixels) {
    const std::string svg = to_svg(ImageGridPlot{.groups = {{"", {picture}}}, .columns = 4, .pixels = pixels});
    return std::stod(after(svg.substr(svg.find("<image ")), "height=\"", "\"")) /
           std::stod(after(svg.substr(svg.find("<image ")), "width=\"", "\""));
  };
  CHECK(side({.image = grey(10, 20)}, 112) == Approx(0.5).margin(0.001));
  CHECK(side({.image = grey(20, 10)}, 112) == Approx(2).margin(0.001));
  CHECK(picture_uri({.image = grey(400, 400)}, 50).size() < picture_uri({.image = grey(400, 400)}, 400).size());
}

TEST_CASE("a grid without pictures is refused") {
  CHECK_THROWS_WITH(to_svg(ImageGridPlot{.groups = {{"empty", {}}}}), Contains("needs at least one"));
  CHECK_THROWS_WITH(to_svg(ImageGridPlot{.columns = 0}), Contains("1 to 32 columns. Got 0."));
  CHECK_THROWS_WITH(picture_uri({}, 112), Contains("a picture needs pixels. Got 0x0"));
}

TEST_CASE("a level is a named line across the curves and counts for the range") {
  const std::string svg =
      to_svg(LinePlot{.series = {{.y = {0.5, 0.6}}}, .levels = {{0.2, "guessing"}, {nothing, "none"}}});
  well_formed(svg);
  CHECK(count(svg, "class=\"level\"") == 1);
  CHECK_THAT(svg, Contains(">guessing</text>") && Contains(">0.2</text>"));
  CHECK_THAT(after(svg, "<desc", "</desc>"), Contains("Level: guessing at 0.2."));
}
