// A reliability diagram (Niculescu-Mizil and Caruana, "Predicting good probabilities with supervised learning", ICML
// 2005): accuracy against confidence, bin by bin, over a histogram of the confidences.
#include <algorithm>
#include <cmath>

#include "mien/core/numbers.h"
#include "mien/io/html.h"
#include "mien/io/plot.h"
#include "mien/io/plot_area.h"

namespace mien {

namespace {

constexpr double square = 260, histogram = 70;

double total(const ReliabilityPlot& plot) {
  std::int64_t count = 0;
  for (const ReliabilityBin& bin : plot.bins) {
    check(bin.low >= 0 && bin.high <= 1 && bin.low < bin.high && bin.count >= 0, "plot",
          "a bin of confidences lies in 0 … 1 and counts answers. Got ", bin.low, " to ", bin.high, " with ", bin.count,
          ".");
    check(bin.count == 0 || (bin.confidence >= 0 && bin.confidence <= 1 && bin.accuracy >= 0 && bin.accuracy <= 1),
          "plot", "confidence and accuracy of a bin lie in 0 … 1. Got ", bin.confidence, " and ", bin.accuracy, ".");
    count += bin.count;
  }
  check(count > 0, "plot", "a reliability diagram needs at least one answer.");
  return static_cast<double>(count);
}

std::string about(const ReliabilityBin& bin) {
  return join("confidence ", said(bin.low), " to ", said(bin.high), ": ", grouped(bin.count),
              bin.count == 1 ? " answer" : " answers", ", mean confidence ", percent(bin.confidence), ", right ",
              percent(bin.accuracy));
}

std::string describe(const ReliabilityPlot& plot) {
  std::string text = "Share right against confidence.";
  for (const ReliabilityBin& bin : plot.bins)
    if (bin.count > 0) text += join(" ", about(bin), ".");
  return text;
}

void add_bin(SvgDrawing& drawing, const ReliabilityBin& bin, const PlotArea& area) {
  if (bin.count == 0) return;
  const double left = area.x(bin.low) + 1, right = area.x(bin.high) - 1, y = area.y(bin.accuracy),
               x = area.x(bin.confidence);
  drawing.add("<g><title>", escape_html(about(bin)), "</title><rect class=\"bar f0\" x=\"", coordinate(left), "\" y=\"",
              coordinate(y), "\" width=\"", coordinate(right - left), "\" height=\"", coordinate(area.bottom() - y),
              "\"/><path class=\"line s1\" d=\"M", coordinate(x), " ", coordinate(area.y(bin.confidence)), "V",
              coordinate(y), "\"/><circle class=\"dot f0\" r=\"4.5\" cx=\"", coordinate(x), "\" cy=\"", coordinate(y),
              "\"/></g>");
}

}  // namespace

std::string to_svg(const ReliabilityPlot& plot) {
  const double answers = total(plot);
  std::int64_t highest = 0;
  for (const ReliabilityBin& bin : plot.bins) highest = std::max(highest, bin.count);

  SvgDrawing drawing;
  PlotArea area{.x_axis = make_axis(0, 1, {}),
                .y_axis = make_axis(0, 1, {}),
                .left = 0,
                .top = add_title(drawing, plot.title) + line_height + 14,
                .width = 0,
                .height = square};
  PlotArea counts{
      .x_axis = area.x_axis,
      .y_axis = make_axis(0, static_cast<double>(highest), {.whole_numbers = true, .widen = true, .most_ticks = 3}),
      .left = 0,
      .top = area.bottom() + line_height + 22,
      .width = 0,
      .height = histogram};
  area.left = counts.left = std::max(label_room(area.y_axis), label_room(counts.y_axis));
  area.width = counts.width = plot_width - area.left - 20;
  add_y_axis(drawing, area, "share right");
  for (const ReliabilityBin& bin : plot.bins) add_bin(drawing, bin, area);
  drawing.add("<path class=\"level\" d=\"M", coordinate(area.left), " ", coordinate(area.bottom()), "L",
              coordinate(area.right()), " ", coordinate(area.top), "\"/><path class=\"axis\" d=\"M",
              coordinate(area.left), " ", coordinate(area.bottom()), "h", coordinate(area.width), "\"/>");
  drawing.add_text(area.left + 8, area.top + 16, "dashed: as often right as sure");

  add_y_axis(drawing, counts, join("answers, of ", grouped(static_cast<std::int64_t>(answers))));
  for (const ReliabilityBin& bin : plot.bins) {
    if (bin.count == 0) continue;
    const double y = counts.y(static_cast<double>(bin.count)), left = counts.x(bin.low) + 1;
    drawing.add("<rect class=\"bar f4\" x=\"", coordinate(left), "\" y=\"", coordinate(y), "\" width=\"",
                coordinate(counts.x(bin.high) - 1 - left), "\" height=\"", coordinate(counts.bottom() - y), "\"/>");
  }
  const double bottom = add_x_axis(drawing, counts, "confidence: the network's probability for its answer");
  return drawing.finish(bottom, plot.title.empty() ? "Reliability" : plot.title,
                        plot.description.empty() ? describe(plot) : plot.description);
}

}  // namespace mien
