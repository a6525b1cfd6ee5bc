#include "mien/train/report.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "mien/core/numbers.h"
#include "mien/io/image_transform.h"
#include "mien/io/plot.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

constexpr int thumbnail = 112;  // side of a picture on the page, in pixels
constexpr int samples_a_class = 6;
constexpr std::size_t most_misses = 24;

/// Rows of text as a table.
DocumentTable table(const std::string& id, const std::string& caption, std::vector<std::string> head,
                    const std::vector<std::vector<std::string>>& rows) {
  DocumentTable made{.id = id, .caption = caption, .head = std::move(head)};
  for (const auto& row : rows) {
    made.rows.emplace_back();
    for (const std::string& text : row) made.rows.back().push_back({text});
  }
  return made;
}

/// A picture of the data set; float32 pictures are taken as 0 … 1.
Image picture(const Dataset& data, int index) {
  const Tensor tensor = data.images({index});
  const Shape& shape = tensor.shape();
  Image image(static_cast<int>(shape[1]), static_cast<int>(shape[2]), static_cast<int>(shape[3]));
  if (tensor.dtype() == DType::uint8) {
    image.pixels = tensor.to_vector<std::uint8_t>();
  } else {
    const std::vector<float> values = tensor.to_vector();
    for (std::size_t i = 0; i < values.size(); ++i)
      image.pixels[i] = static_cast<std::uint8_t>(std::clamp(values[i] * 255.0f + 0.5f, 0.0f, 255.0f));
  }
  return resize(image, thumbnail, thumbnail);
}

DocumentFigure curves(const ReportData& data, bool loss) {
  LinePlot plot;
  plot.title = loss ? "Loss" : "Accuracy";
  plot.x_title = "epoch";
  plot.y_title = loss ? "cross-entropy (nats)" : "share right";
  plot.series = {{.name = "training"}, {.name = "validation"}};
  for (const EpochRecord& epoch : data.history.epochs) {
    plot.series[0].y.push_back(loss ? epoch.loss : epoch.accuracy);
    plot.series[1].y.push_back(loss ? epoch.val_loss : epoch.val_accuracy);
  }
  if (data.sides.validation.empty()) plot.series.pop_back();
  if (!loss) plot.y_low = 0, plot.y_high = 1;
  if (const int best = data.history.best_epoch; best >= 0 && plot.series.size() == 2)
    plot.markers.push_back(
        {best + 1.0, plot.series[1].y[static_cast<std::size_t>(best)], loss ? join("epoch ", best + 1, ", kept") : ""});
  return {.id = loss ? "loss" : "accuracy", .svg = to_svg(plot)};
}

DocumentFigure confusion(const ReportData& data) {
  ConfusionPlot plot;
  plot.title = "What the test pictures were taken for";
  for (const ClassMetrics& one : data.metrics.classes) plot.classes.push_back(one.name);
  for (const auto& row : data.metrics.confusion) plot.counts.emplace_back(row.begin(), row.end());
  return {.id = "confusion", .svg = to_svg(plot)};
}

DocumentTable class_figures(const ReportData& data) {
  std::vector<std::vector<std::string>> rows;
  for (const ClassMetrics& one : data.metrics.classes)
    rows.push_back({one.name, fixed(one.precision, 3), fixed(one.recall, 3), fixed(one.f1, 3), grouped(one.support)});
  rows.push_back({"mean", fixed(data.metrics.macro_precision, 3), fixed(data.metrics.macro_recall, 3),
                  fixed(data.metrics.macro_f1, 3), grouped(data.metrics.count)});
  return table("classes", "", {"class", "precision", "recall", "F1", "pictures"}, rows);
}

/// Some pictures of every class, spread over it, so that they show more than the first person.
DocumentPictures samples(const Dataset& data) {
  ImageGridGroup group;
  const std::vector<int> counts = data.class_counts();
  for (std::size_t c = 0; c < counts.size(); ++c) {
    const std::string& name = data.class_names()[c];
    const int wanted = std::min(counts[c], samples_a_class);
    for (int i = 0, place = 0, shown = 0; shown < wanted; ++i) {
      if (data.label(i) != static_cast<std::int32_t>(c)) continue;
      if (std::int64_t{place++} * wanted < std::int64_t{shown} * counts[c]) continue;
      ++shown;
      group.pictures.push_back(
          {.image = picture(data, i), .label = name, .description = "training picture labelled " + name});
    }
  }
  return {.id = "samples", .grid = {.title = "Training pictures", .groups = {group}, .pixels = thumbnail}};
}

/// The test pictures that were taken for another class, the surest mistakes first.
std::vector<int> misses(const ReportData& data) {
  std::vector<int> wrong;
  for (int i = 0; i < data.metrics.count; ++i)
    if (data.test.labels[static_cast<std::size_t>(i)] != data.test.predictions[static_cast<std::size_t>(i)])
      wrong.push_back(i);
  const auto classes = static_cast<std::size_t>(data.sides.test.class_count());
  const auto sureness = [&](int i) {
    const auto row = static_cast<std::size_t>(i);
    return data.test.probabilities[row * classes + static_cast<std::size_t>(data.test.predictions[row])];
  };
  std::stable_sort(wrong.begin(), wrong.end(), [&](int a, int b) { return sureness(a) > sureness(b); });
  return wrong;
}

DocumentPictures missed_faces(const ReportData& data, const std::vector<int>& wrong) {
  const std::vector<std::string>& names = data.sides.test.class_names();
  ImageGridGroup group;
  for (std::size_t k = 0; k < std::min(wrong.size(), most_misses); ++k) {
    const auto row = static_cast<std::size_t>(wrong[k]);
    const auto label = static_cast<std::size_t>(data.test.labels[row]),
               taken = static_cast<std::size_t>(data.test.predictions[row]);
    const float probability = data.test.probabilities[row * names.size() + taken];
    const std::string caption = join(names[label], ", taken for ", names[taken], " (", percent(probability, 0), ")");
    group.pictures.push_back({.image = picture(data.sides.test, wrong[k]),
                              .label = caption,
                              .detail = data.sides.test.name(wrong[k]),
                              .description = caption});
  }
  return {.id = "mistaken", .grid = {.title = "Mistakes", .groups = {group}, .pixels = thumbnail}};
}

DocumentTable network_table(const Summary& summary) {
  std::vector<std::vector<std::string>> rows;
  for (const SummaryRow& row : summary.rows)
    rows.push_back({join(row.name, " (", row.kind, ")"), keras_shape(row.shape), grouped(row.parameters),
                    row.multiply_adds ? grouped(row.multiply_adds) : "", row.note});
  rows.push_back({"all", "", grouped(summary.parameters), grouped(summary.multiply_adds), ""});
  return table("layers", "", {"layer (type)", "output shape", "parameters", "multiply-adds a picture", "how it runs"},
               rows);
}

DocumentTable sides_table(const Split& sides) {
  std::vector<std::vector<std::string>> rows;
  const std::vector<int> train = sides.train.class_counts(), validation = sides.validation.class_counts(),
                         test = sides.test.class_counts();
  const auto count = [](const std::vector<int>& counts, std::size_t c) { return c < counts.size() ? counts[c] : 0; };
  for (std::size_t c = 0; c < train.size(); ++c)
    rows.push_back(
        {sides.train.class_names()[c], grouped(train[c]), grouped(count(validation, c)), grouped(count(test, c))});
  rows.push_back({"all", grouped(sides.train.size()), grouped(sides.validation.size()), grouped(sides.test.size())});
  return table("sides", "", {"class", "training", "validation", "test"}, rows);
}

std::set<std::string> groups_of(const Dataset& data) {
  std::set<std::string> groups;
  for (int i = 0; i < data.size(); ++i) groups.insert(data.group(i));
  return groups;
}

/// What is known of people on both sides.
std::string about_people(const Split& sides) {
  if (!sides.test.has_groups())
    return "It is not recorded which pictures show the same person. If some person stands on both sides, the figure is "
           "better than it would be for people the network has never seen.";
  const std::set<std::string> known = groups_of(sides.train);
  int leaked = 0;
  for (int i = 0; i < sides.test.size(); ++i) leaked += known.count(sides.test.group(i)) > 0;
  const std::string people =
      join(groups_of(sides.train).size(), " people were trained on and ", groups_of(sides.test).size(), " tested. ");
  if (leaked == 0) return people + "Nobody stands on both sides: the figure is for people the network has never seen.";
  return join(
      people, leaked, " of the ", sides.test.size(), " test pictures (",
      percent(static_cast<double>(leaked) / sides.test.size(), 0),
      ") show somebody who was trained on too. So the figure is not one for people the network has never seen; a "
      "split by group gives that one.");
}

}  // namespace

std::pair<double, double> wilson_interval(int right, int count) {
  check(count >= 1 && right >= 0 && right <= count, "wilson_interval", "needs 0 … count right of at least one. Got ",
        right, " of ", count, ".");
  const double z = 1.959963984540054, n = count, p = right / n;
  const double middle = p + z * z / (2 * n), half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)),
               whole = 1 + z * z / n;
  return {(middle - half) / whole, (middle + half) / whole};
}

std::vector<std::string> findings(const ReportData& data) {
  std::vector<std::string> said;
  const Metrics& m = data.metrics;
  int right = 0, largest = 0;
  for (std::size_t c = 0; c < m.classes.size(); ++c) {
    right += m.confusion[c][c];
    largest = std::max(largest, m.classes[c].support);
  }
  const double chance = static_cast<double>(largest) / m.count;
  const auto [low, high] = wilson_interval(right, m.count);
  said.push_back(join("The network is right on ", right, " of ", m.count, " test pictures, ", percent(m.accuracy),
                      ". Always naming the most frequent class would be right on ", percent(chance), "."));
  said.push_back(join("A test of ", m.count, " pictures leaves room for chance: a 95 % interval is ", percent(low),
                      " to ", percent(high), low > chance ? "." : ", which does not exclude guessing."));
  said.push_back(about_people(data.sides));
  if (const int pictures = data.sides.train.size(); pictures > 0 && data.summary.trainable > pictures)
    said.push_back(join("It learned from ", grouped(pictures), " pictures, ",
                        grouped(pictures / std::max(1, data.sides.train.class_count())), " a class, and has ",
                        grouped(data.summary.trainable), " weights: ", grouped(data.summary.trainable / pictures),
                        " for each picture."));
  const int best = data.history.best_epoch;
  if (best >= 0 && best < static_cast<int>(data.history.epochs.size())) {
    const EpochRecord& kept = data.history.epochs[static_cast<std::size_t>(best)];
    const EpochRecord& last = data.history.epochs.back();
    std::string text = join("The weights are those of epoch ", best + 1, " of ", data.history.epochs.size(),
                            ", the one with the lowest validation loss (", fixed(kept.val_loss, 3), ").");
    if (last.loss < kept.loss && last.val_loss > kept.val_loss)
      text += join(" After it the training loss went on falling, to ", fixed(last.loss, 3),
                   ", while the validation loss rose, to ", fixed(last.val_loss, 3), ": it fitted its ",
                   data.sides.train.size(), " training pictures ever better, and new ones worse.");
    said.push_back(text);
  }
  if (!m.classes.empty()) {
    const auto by_recall = [](const ClassMetrics& a, const ClassMetrics& b) { return a.recall < b.recall; };
    const auto [worst, easiest] = std::minmax_element(m.classes.begin(), m.classes.end(), by_recall);
    if (worst->recall < easiest->recall)
      said.push_back(join("It finds \"", easiest->name, "\" best (", percent(easiest->recall, 0), " of them) and \"",
                          worst->name, "\" worst (", percent(worst->recall, 0), ")."));
  }
  return said;
}

Document report_document(const ReportData& data) {
  check(!data.history.epochs.empty() && data.metrics.count == data.sides.test.size(), "report",
        "a report needs at least one epoch and the metrics of the test side.");
  Document document{.title = data.title};
  if (!data.note.empty()) document.note = data.note;
  auto& blocks = document.blocks;
  const auto heading = [&](const char* text) { blocks.push_back(DocumentHeading{2, text}); };
  blocks.push_back(DocumentHighlight{percent(data.metrics.accuracy), "test accuracy"});
  DocumentList said;
  for (const std::string& sentence : findings(data)) said.items.emplace_back(sentence);
  blocks.push_back(said);
  heading("Learning curves");
  blocks.push_back(DocumentGroup{.blocks = {curves(data, true), curves(data, false)}});
  heading("Which class is taken for which");
  blocks.push_back(DocumentGroup{.blocks = {confusion(data), class_figures(data)}});
  heading("Training pictures");
  blocks.push_back(samples(data.sides.train));
  const std::vector<int> wrong = misses(data);
  heading("Mistakes");
  blocks.push_back(
      DocumentText{join(wrong.size(), " test pictures were taken for another class",
                        wrong.size() > most_misses ? join("; the ", most_misses, " surest mistakes are shown") : "",
                        ". The percentage is the network's own probability for its answer.")});
  if (!wrong.empty()) blocks.push_back(missed_faces(data, wrong));
  heading("The network");
  blocks.push_back(network_table(data.summary));
  heading("The pictures");
  blocks.push_back(sides_table(data.sides));
  heading("How to repeat it");
  std::vector<std::vector<std::string>> facts;
  for (const auto& [name, value] : data.facts) facts.push_back({name, value});
  blocks.push_back(table("facts", "", {}, facts));
  return document;
}

std::string to_html(const ReportData& data) { return to_html(report_document(data)); }

}  // namespace mien
