#include "report_pictures.h"

#include <algorithm>
#include <map>

#include "../augmentation.h"
#include "mien/core/numbers.h"
#include "report_text.h"

namespace mien::expressions::study {
namespace {

constexpr int samples_a_class = 6, augmented_a_picture = 6, piece_side = 6;

/// Numbers of `wanted` pictures of a class, spread evenly over it.
std::vector<int> spread_over_class(const Dataset& data, int label, int wanted) {
  std::vector<int> own, chosen;
  for (int i = 0; i < data.size(); ++i)
    if (data.label(i) == label) own.push_back(i);
  const int count = static_cast<int>(own.size());
  for (int k = 0; k < std::min(wanted, count); ++k)
    chosen.push_back(own[static_cast<std::size_t>(std::int64_t{k} * count / std::min(wanted, count))]);
  return chosen;
}

Image augmented(const AugmentationOptions& options, const Dataset& data, int index, int draw) {
  const Shape shape = data.image_shape();
  const PictureTransform transform =
      draw_transform(options, static_cast<int>(shape[0]), static_cast<int>(shape[1]), 1, draw, index);
  std::vector<float> values(static_cast<std::size_t>(shape.size()));
  apply_transform(transform, options, shape, data.pixels<std::uint8_t>(index), values.data());
  Image image(static_cast<int>(shape[0]), static_cast<int>(shape[1]), static_cast<int>(shape[2]));
  for (std::size_t i = 0; i < values.size(); ++i)
    image.pixels[i] = static_cast<std::uint8_t>(std::clamp(values[i] + 0.5f, 0.0f, 255.0f));
  return image;
}

/// The strength of augmentation that a variant of section 5 tries.
std::string strength_of(const std::string& id) { return training_of(id, "sound").augment; }

}  // namespace

Image picture_of(const Dataset& data, int index) {
  const Shape shape = data.image_shape();
  Image image(static_cast<int>(shape[0]), static_cast<int>(shape[1]), static_cast<int>(shape[2]));
  std::copy_n(data.pixels<std::uint8_t>(index), image.pixels.size(), image.pixels.begin());
  return image;
}

DocumentPictures sample_figure(const Study& study) {
  const Dataset& data = study.data;
  DocumentPictures figure{.id = "figure-1", .caption = {}, .grid = {}, .label = "Figure 1"};
  figure.grid.title = "Some pictures of each class";
  figure.grid.columns = samples_a_class;
  figure.grid.pixels = 96;
  for (int c = 0; c < data.class_count(); ++c) {
    ImageGridGroup group{.title = data.class_names()[static_cast<std::size_t>(c)], .pictures = {}};
    for (const int index : spread_over_class(data, c, samples_a_class))
      group.pictures.push_back({.image = picture_of(data, index), .description = "picture labelled " + group.title});
    figure.grid.groups.push_back(group);
  }
  figure.caption =
      join("Some pictures of each class, spread over it, as the networks see them: ", data.image_shape()[1], " × ",
           data.image_shape()[0], " pixels, ", data.image_shape()[2] == 1 ? "grey." : "colour.");
  return figure;
}

DocumentTable pixel_table(const Study& study) {
  const Image image = picture_of(study.data, 0);
  DocumentTable table{
      .id = "table-1-pixels",
      .caption = join("A piece of ", piece_side, " × ", piece_side,
                      " pixels from the middle of the first picture: the value Y, and what the network gets"),
      .label = "Table 1, pixels"};
  const int top = (image.height - piece_side) / 2, left = (image.width - piece_side) / 2;
  table.head.push_back("row");
  for (const char* what : {"Y, column ", "Y / 255, column "})
    for (int column = 0; column < piece_side; ++column) table.head.push_back(join(what, left + column));
  table.groups = {{"", 1}, {"before", piece_side}, {"after", piece_side}};
  for (int column = 0; column < 2 * piece_side; ++column)
    table.head[static_cast<std::size_t>(column) + 1] = join(left + column % piece_side);
  for (int row = top; row < top + piece_side; ++row) {
    std::vector<DocumentCell> cells{{.text = join(row)}};
    for (const bool after : {false, true})
      for (int column = left; column < left + piece_side; ++column) {
        const int value = image.at(row, column);
        cells.push_back({.text = after ? fixed(value / 255.0, 3) : join(value)});
      }
    table.rows.push_back(cells);
  }
  return table;
}

std::vector<std::string> strength_sentences(const StudyRuns& runs) {
  std::vector<std::string> said;
  for (const std::string& id : runs.rows(5)) said.push_back(capital(describe_augmentation(strength_of(id))) + ".");
  return said;
}

DocumentPictures augmented_figure(const StudyRuns& runs) {
  const Dataset& data = runs.study().data;
  DocumentPictures figure{.id = "figure-5-samples", .caption = {}, .grid = {}, .label = "Figure 5, samples"};
  figure.grid.title = "Augmented pictures";
  figure.grid.columns = augmented_a_picture + 1;
  figure.grid.pixels = 80;
  const std::vector<int> chosen = spread_over_class(data, data.class_count() / 2, 1);
  for (const std::string& id : runs.rows(5)) {
    const std::optional<AugmentationOptions> options = augmentation_of(strength_of(id));
    if (!options) continue;
    ImageGridGroup group{.title = variant(id).title, .pictures = {}};
    for (const int index : chosen) {
      group.pictures.push_back({.image = picture_of(data, index), .label = "as it is"});
      for (int draw = 0; draw < augmented_a_picture; ++draw)
        group.pictures.push_back(
            {.image = augmented(*options, data, index, draw),
             .description = join("the same picture, ", variant(id).title, " augmentation, draw ", draw + 1)});
    }
    figure.grid.groups.push_back(group);
  }
  figure.caption = "One picture as it is, and as the first epochs of a training change it, by each strength.";
  return figure;
}

DocumentPictures mistakes_figure(const Study& study, const StudyResult& result, std::size_t most,
                                 const std::string& id) {
  const std::vector<std::string>& classes = study.data.class_names();
  std::map<std::string, int> numbers;
  for (int i = 0; i < study.data.size(); ++i) numbers[study.data.name(i)] = i;
  const auto confidence = [&](std::size_t i) {
    return result.test.probabilities[i * classes.size() + static_cast<std::size_t>(result.test.predictions[i])];
  };
  std::vector<std::size_t> wrong;
  for (std::size_t i = 0; i < result.test.labels.size(); ++i)
    if (result.test.labels[i] != result.test.predictions[i]) wrong.push_back(i);
  std::stable_sort(wrong.begin(), wrong.end(),
                   [&](std::size_t a, std::size_t b) { return confidence(a) > confidence(b); });
  DocumentPictures figure{.id = id, .caption = {}, .grid = {}, .label = ""};
  figure.grid.title = join(variant(result.run.variant).title, ": mistakes, ", split_name(result.run.split));
  figure.grid.columns = 6;
  figure.grid.pixels = 72;
  ImageGridGroup group;
  for (std::size_t k = 0; k < std::min(wrong.size(), most); ++k) {
    const std::size_t i = wrong[k];
    const auto found = numbers.find(result.names[i]);
    if (found == numbers.end()) continue;
    group.pictures.push_back({.image = picture_of(study.data, found->second),
                              .label = join(classes[static_cast<std::size_t>(result.test.labels[i])], ", taken for ",
                                            classes[static_cast<std::size_t>(result.test.predictions[i])], " (",
                                            percent(confidence(i), 0), ")"),
                              .detail = result.names[i]});
  }
  if (!group.pictures.empty()) figure.grid.groups.push_back(group);
  figure.caption =
      join("Mistakes, ", split_name(result.run.split), " (seed ", result.run.seed,
           "): ", grouped(static_cast<std::int64_t>(wrong.size())), " of ",
           grouped(static_cast<std::int64_t>(result.test.labels.size())), " pictures",
           wrong.size() > group.pictures.size() ? join(", the ", group.pictures.size(), " surest shown") : "",
           ". The percentage is the network's own probability for its answer.");
  return figure;
}

}  // namespace mien::expressions::study
