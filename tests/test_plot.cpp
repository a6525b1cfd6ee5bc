// Plots: the axis and its ticks, and what an SVG must hold to be drawn and to be read aloud.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "mien/io/plot.h"
#include "mien/io/plot_axis.h"
#include "mien/kernels/error.h"
#include "plot_testing.h"

using namespace mien;
using Catch::Matchers::Contains;
using Labels = std::vector<std::string>;

namespace {

const LinePlot two_curves{
    .title = "Learning curves",
    .x_title = "epoch",
    .y_title = "loss",
    .series = {{.name = "training", .y = {1.6, 0.8, 0.4}}, {.name = "validation", .y = {1.5, 1, 1.2}}},
    .markers = {{.x = 2, .y = 1, .label = "best: epoch 2"}}};

const ConfusionPlot confusion{.title = "Test", .classes = {"a", "b"}, .counts = {{3, 1}, {0, 0}}};

}  // namespace

TEST_CASE("ticks stand at 1, 2 or 5 times a power of ten") {
  CHECK(make_axis(0, 1, {}).labels == Labels{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"});
  CHECK(make_axis(1, 57, {.whole_numbers = true}).labels == Labels{"10", "20", "30", "40", "50"});
  CHECK(make_axis(1, 3, {.whole_numbers = true}).labels == Labels{"1", "2", "3"});
  CHECK(make_axis(0, 20000, {}).labels == Labels{"0", "5,000", "10,000", "15,000", "20,000"});
  CHECK(make_axis(-2e-6, 2e-6, {.most_ticks = 4}).labels == Labels{"-2×10⁻⁶", "-10⁻⁶", "0", "10⁻⁶", "2×10⁻⁶"});
  const Axis widened = make_axis(0.13, 1.71, {.widen = true});
  CHECK(widened.low == 0);
  CHECK(widened.high == Approx(2));
  CHECK(widened.position(1) == Approx(0.5));
}

TEST_CASE("a logarithmic axis has ticks at powers of ten, and more where it spans few of them") {
  const Axis axis = make_axis(1e-6, 1e-2, {.logarithmic = true});
  CHECK(axis.labels == Labels{"10⁻⁶", "10⁻⁵", "10⁻⁴", "0.001", "0.01"});
  CHECK(axis.position(1e-4) == Approx(0.5));
  CHECK(std::isnan(axis.position(0)));
  CHECK(make_axis(1, 100, {.logarithmic = true}).labels == Labels{"1", "2", "5", "10", "20", "50", "100"});
  CHECK(make_axis(3, 4, {.logarithmic = true}).ticks.size() >= 2);
  CHECK_THROWS_AS(make_axis(0, 1, {.logarithmic = true}), Error);
}

TEST_CASE("an axis of no extent or of huge numbers is still an axis") {
  for (const double value : {0.0, 5.0, -1e-30, 1e15, 1e299, 5e-324}) {
    for (const bool widen : {false, true}) {
      const Axis axis = make_axis(value, value, {.widen = widen});
      CHECK(axis.low < axis.high);
      CHECK(axis.ticks.size() >= 2);
      CHECK(axis.ticks.size() < 20);
      CHECK(axis.ticks.size() == axis.labels.size());
    }
  }
  CHECK(make_axis(-1e299, 1e299, {.widen = true}).ticks.size() < 20);
  CHECK_THROWS_AS(make_axis(1, 0, {}), Error);
  CHECK_THROWS_AS(make_axis(0, INFINITY, {}), Error);
}

TEST_CASE("a line plot says in words what it shows") {
  const std::string svg = to_svg(two_curves);
  CHECK(well_formed(svg) > 10);
  CHECK_THAT(svg, Contains("role=\"img\"") && Contains(">Learning curves</title>") && Contains("viewBox=\"0 0 480 "));
  const std::string labelled = after(svg, "aria-labelledby=\"", "\"");
  for (const std::string& id : {labelled.substr(0, labelled.find(' ')), labelled.substr(labelled.find(' ') + 1)})
    CHECK_THAT(svg, Contains("id=\"" + id + "\""));
  CHECK_THAT(after(svg, "<desc", "</desc>"), Contains("loss against epoch") &&
                                                 Contains("validation: from 1.5 to 1.2, lowest 1, highest 1.5.") &&
                                                 Contains("Marked: best: epoch 2."));
  LinePlot described = two_curves;
  described.description = "Overfits after epoch 2.";
  CHECK_THAT(to_svg(described), Contains(">Overfits after epoch 2.</desc>"));
}

TEST_CASE("every series has a line of its own look, in the legend too") {
  LinePlot plot;
  for (int i = 0; i < 8; ++i) plot.series.push_back({.name = "series", .y = {1.0 * i, 2}});
  const std::string svg = to_svg(plot);
  std::set<std::string> looks;
  for (std::size_t at = svg.find("<path class=\"line "); at != svg.npos; at = svg.find("<path class=\"line ", at + 1))
    looks.insert(svg.substr(at, svg.find(" d=", at) - at));
  CHECK(looks.size() == 8);
  CHECK(count(svg, "<path class=\"line ") == 16);
  CHECK(count(to_svg({.series = {{.name = "one", .y = {1, 2}}}}), "<path class=\"line ") == 1);
}

TEST_CASE("different plots have different identifiers, the same plot the same text") {
  LinePlot other = two_curves;
  other.series[0].y[0] = 1.7;
  const auto identifier = [](const std::string& svg) { return after(svg, "aria-labelledby=\"", "-title"); };
  CHECK(to_svg(two_curves) == to_svg(two_curves));
  CHECK(identifier(to_svg(two_curves)) != identifier(to_svg(other)));
  CHECK(to_svg(two_curves).find('\x01') == std::string::npos);
}

TEST_CASE("what cannot be drawn interrupts a curve, a lone point is a dot") {
  const double nan = std::nan("");
  const std::string svg = to_svg({.series = {{.y = {1, 2, nan, 3, INFINITY, 4, 5}}}});
  const std::string path = after(after(svg, "<path class=\"line", "/>"), " d=\"", "\"");
  CHECK(count(path, "M") == 3);
  CHECK(count(path, "L") == 2);
  CHECK(count(path, "h0") == 3);
  CHECK(svg.find("nan") == std::string::npos);
  CHECK(svg.find("inf") == std::string::npos);
  const std::string log = to_svg({.series = {{.y = {0, 10, 100, -1}}}, .y_logarithmic = true});
  CHECK(count(after(after(log, "<path class=\"line", "/>"), " d=\"", "\""), "L") == 1);
  for (const LinePlot& empty : {LinePlot{}, LinePlot{.series = {{.y = {nan}}, {}}, .x_logarithmic = true}})
    CHECK(well_formed(to_svg(empty)) > 5);
}

TEST_CASE("a band is drawn behind its curve and counts for the range") {
  const std::string svg = to_svg({.series = {{.y = {1, 2, 3}, .lower = {0, 1, 2}, .upper = {2, 4, 9.5}}}});
  CHECK(count(svg, "class=\"band f0\"") == 1);
  CHECK(svg.find("class=\"band") < svg.find("class=\"line"));
  CHECK_THAT(svg, Contains(">10</text>"));
}

TEST_CASE("a curve of very many points keeps its extremes and stays small") {
  PlotSeries series;
  for (int i = 0; i < 50000; ++i) series.y.push_back(std::sin(i * 0.01));
  series.y[31234] = 7;
  const std::string svg = to_svg({.series = {series}, .y_low = -2, .y_high = 7});
  CHECK(svg.size() < 60000);
  // The outlier reaches the top of the area, where the uppermost grid line is.
  const std::string top = after(svg, "<clipPath", "</clipPath>");
  const double y = std::stod(after(top, " y=\"", "\"")) + 3;
  CHECK_THAT(after(after(svg, "<path class=\"line", "/>"), " d=\"", "\""),
             Contains(" " + std::to_string(static_cast<int>(y)) + "L"));
}

TEST_CASE("labels cannot break out of a plot") {
  const std::string evil = "</text><script>\"&'";
  const std::string lines = to_svg({.title = evil,
                                    .x_title = evil,
                                    .y_title = evil,
                                    .series = {{.name = evil, .y = {1}}, {.name = evil, .y = {2}}},
                                    .markers = {{.x = 1, .y = 1, .label = evil}},
                                    .description = evil});
  const std::string matrix = to_svg({.title = evil, .classes = {evil}, .counts = {{1}}, .row_title = evil});
  for (const std::string& svg : {lines, matrix}) {
    well_formed(svg);
    CHECK(svg.find("<script>") == std::string::npos);
    CHECK_THAT(svg, Contains("&lt;script&gt;"));
  }
}

TEST_CASE("series whose parts differ in length are refused by name") {
  CHECK_THROWS_WITH(to_svg({.series = {{.name = "loss", .y = {1, 2}, .x = {1}}}}),
                    "[plot] series 'loss' has 2 values and elsewhere 1.");
  CHECK_THROWS_WITH(to_svg({.series = {{.name = "loss", .y = {1}, .lower = {1}}}}), Contains("both its edges"));
}

TEST_CASE("a confusion matrix shows counts and shares of the rows") {
  const std::string svg = to_svg(confusion);
  well_formed(svg);
  CHECK(count(svg, "<rect class=\"heat\"") == 4);
  CHECK_THAT(svg, Contains("true class a, predicted class b: 1 of 4 (25.0 %)") && Contains(">75.0 %</text>"));
  CHECK_THAT(after(svg, "<desc", "</desc>"), Contains("3 of 4 right (75.0 %)") &&
                                                 Contains("a: 3 of 4 right, 1 taken for b.") &&
                                                 Contains("b: 0 of 0 right."));
  ConfusionPlot many;
  many.classes.assign(60, "a rather long class name");
  many.counts.assign(60, std::vector<std::int64_t>(60, 1234567));
  CHECK(well_formed(to_svg(many)) > 3600);
}

TEST_CASE("a confusion matrix must be square, whole and not negative") {
  CHECK_THROWS_WITH(to_svg(ConfusionPlot{}), Contains("needs classes"));
  CHECK_THROWS_WITH(to_svg({.classes = {"a", "b"}, .counts = {{1, 2}}}), Contains("as many rows. Got 1."));
  CHECK_THROWS_WITH(to_svg({.classes = {"a"}, .counts = {{1, 2}}}), Contains("as many columns. Got 2."));
  CHECK_THROWS_WITH(to_svg({.classes = {"a"}, .counts = {{-1}}}), Contains("not negative. Got -1."));
}
