// explain: what the network sees in photographs, as a page and picture files.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>

#include "commands.h"
#include "explain_figures.h"
#include "mien/core/nearest_name.h"
#include "mien/core/numbers.h"
#include "mien/io/document.h"
#include "mien/io/file.h"
#include "mien/io/image_transform.h"
#include "mien/io/progress.h"

namespace mien::expressions {
namespace {

namespace fs = std::filesystem;

/// What there is to say about one photograph.
struct Explained {
  std::string photo, stem;  ///< files are named STEM-grad_cam.png, …
  Evidence evidence = {};
  std::string figure = {}, maps_figure = {};
  std::vector<std::string> files = {};
};

int class_number(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    throw UsageError(
        join("[class] the classifier knows no class \"", name, "\". The nearest is ", nearest_name(name, names), "."));
  return static_cast<int>(found - names.begin());
}

/// Throws UsageError unless the network has a layer of that name with maps to explain by.
void check_layer(const Model& net, const std::string& name) {
  std::vector<std::string> names;
  for (const Step& step : net.unfused_plan().steps)
    if (step.shape.rank() == 3) names.push_back(step.layer->name());
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw UsageError(join("[layer] the network has no layer \"", name,
                          "\" whose output is (height, width, channels). The nearest is ", nearest_name(name, names),
                          "."));
}

/// Names for the files of each photograph: its own without the extension, numbered where two are the same.
std::string stem_for(const std::string& photo, std::set<std::string>& taken) {
  std::string stem;
  for (const char letter : fs::path(photo).stem().string())
    stem += std::isalnum(static_cast<unsigned char>(letter)) || letter == '-' || letter == '_' ? letter : '_';
  std::string candidate = stem;
  for (int number = 2; !taken.insert(candidate).second; ++number) candidate = join(stem, '-', number);
  return candidate;
}

/// The classes, the likeliest first.
std::vector<std::size_t> likeliest_first(const std::vector<float>& probabilities) {
  std::vector<std::size_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return probabilities[a] > probabilities[b]; });
  return order;
}

/// What the maps show, in sentences.
std::string sentences(const Evidence& one, const std::vector<std::string>& names) {
  const std::string& name = names[static_cast<std::size_t>(one.explained)];
  std::string text = one.heat.largest > 0
                         ? join("Grad-CAM finds most evidence for ", name, " in the ",
                                place_of_largest(one.heat.on_picture), " of the picture (layer ", one.heat.layer, ").")
                         : join("Grad-CAM finds nothing that speaks for ", name, " (layer ", one.heat.layer, ").");
  const std::vector<float> drops = one.occlusion.drops.to_vector();
  const float largest = *std::max_element(drops.begin(), drops.end());
  const std::string before = percent(one.occlusion.probability), after = percent(one.occlusion.probability - largest);
  return text + (largest > 0 && before != after
                     ? join(" Covering the ", place_of_largest(one.occlusion.drops), " takes the probability of ", name,
                            " from ", before, " to ", after, ".")
                     : join(" Covering any one part leaves the probability of ", name, " at ", before, " or above."));
}

class Explanations {
 public:
  Explanations(const ExplainOptions& options, const Classifier& classifier)
      : options_(options), classifier_(classifier), explainer_(classifier), folder_(options.out) {
    evidence_options_.layer = options.layer;
    evidence_options_.occlusion = {.window = options.window};
    if (!options.class_name.empty()) evidence_options_.explained = class_number(names(), options.class_name);
    if (!options.layer.empty()) check_layer(classifier.net, options.layer);
    if (options.window < 0 || options.window > classifier.input.size)
      throw UsageError(join("[window] must be 1 to ", classifier.input.size, " pixels, the pictures' side. Got ",
                            options.window, "."));
  }

  /// Throws Error for a file that is no photograph.
  void add(const std::string& photo) {
    const Image image = read_image(photo, {.channels = classifier_.input.channels});
    const Face face{framed(image, classifier_.input.framing, classifier_.input.size),
                    fs::path(photo).filename().string()};
    Explained one{
        .photo = photo, .stem = stem_for(photo, stems_), .evidence = explainer_.evidence(face, evidence_options_)};
    one.figure = evidence_figure({one.evidence}, names());
    one.maps_figure = feature_maps_figure(classifier_, face);
    write(one.stem + "-evidence.svg", one.figure, one.files);
    write(one.stem + "-feature_maps.svg", one.maps_figure, one.files);
    write(one.stem + "-grad_cam.png", encode_png(heat_picture(face, one.evidence.heat)), one.files);
    write(one.stem + "-occlusion.png",
          encode_png(occlusion_picture(face, one.evidence.occlusion, occlusion_scale({one.evidence}))), one.files);
    all_.push_back(std::move(one));
  }

  void finish() {
    const std::string filters = filters_figure(classifier_.net);
    write("filters.svg", filters, files_);
    write("explain.html", to_html(page(filters)), files_);
  }

  nlohmann::ordered_json json() const;
  std::string text() const;

 private:
  const std::vector<std::string>& names() const { return classifier_.class_names; }

  void write(const std::string& name, std::string_view bytes, std::vector<std::string>& files) const {
    fs::create_directories(folder_);
    write_file_atomically(folder_ / name, bytes);
    files.push_back((folder_ / name).string());
  }

  Document page(const std::string& filters) const;

  const ExplainOptions& options_;
  const Classifier& classifier_;
  Explainer explainer_;
  fs::path folder_;
  EvidenceOptions evidence_options_;
  std::set<std::string> stems_;
  std::vector<Explained> all_;
  std::vector<std::string> files_;
};

Document Explanations::page(const std::string& filters) const {
  Document page;
  page.title = "What the network sees";
  std::string classes;
  for (std::size_t c = 0; c < names().size(); ++c) classes += join(c ? ", " : "", names()[c]);
  page.note = join("The classifier ", options_.run, " tells apart: ", classes, ".");
  for (std::size_t i = 0; i < all_.size(); ++i) {
    const Explained& one = all_[i];
    const std::string id = join("photo-", i + 1);
    const std::vector<float>& probabilities = one.evidence.probabilities;
    const std::string& taken = names()[static_cast<std::size_t>(one.evidence.predicted)];
    page.blocks.push_back(DocumentHeading{.level = 2, .text = fs::path(one.photo).filename().string(), .id = id});
    page.blocks.push_back(DocumentText{join("Taken for ", taken, " (",
                                            percent(probabilities[static_cast<std::size_t>(one.evidence.predicted)]),
                                            "). ", sentences(one.evidence, names()))});
    page.blocks.push_back(DocumentFigure{.id = id + "-evidence", .svg = one.figure});
    DocumentTable table{.id = id + "-probabilities", .head = {"class", "probability"}};
    for (const std::size_t c : likeliest_first(probabilities))
      table.rows.push_back(
          {{.text = names()[c]}, {.text = percent(probabilities[c]), .data = shortest(probabilities[c])}});
    page.blocks.push_back(std::move(table));
    page.blocks.push_back(DocumentFold{.title = "Feature maps of " + fs::path(one.photo).filename().string(),
                                       .blocks = {DocumentFigure{.id = id + "-maps", .svg = one.maps_figure}}});
  }
  page.blocks.push_back(DocumentHeading{.level = 2, .text = "The first filters"});
  page.blocks.push_back(DocumentText{
      "What the first convolution looks for: each filter is laid on every place of the picture, its weights times the "
      "pixels below, and the sums are the layer's feature maps."});
  page.blocks.push_back(DocumentFigure{.id = "filters", .svg = filters});
  page.blocks.push_back(DocumentHeading{.level = 2, .text = "How to read this"});
  page.blocks.push_back(DocumentList{
      .items = {
          "Grad-CAM asks the network's gradients which places of a late layer speak for a class. It is as coarse as "
          "that layer, each map is scaled by itself, and what speaks against the class is not shown. Selvaraju et "
          "al., \"Grad-CAM\", ICCV 2017.",
          "The occlusion map asks by trying: a square of the picture's mean grey covers one place after the other, "
          "and the class's probability is computed anew. Where the network is very sure, covering one place may "
          "change little although the place matters. Zeiler and Fergus, \"Visualizing and Understanding "
          "Convolutional Networks\", ECCV 2014.",
          "Both tell what this network used for this picture, not whether that is a good reason."}});
  return page;
}

nlohmann::ordered_json Explanations::json() const {
  nlohmann::ordered_json photos = nlohmann::ordered_json::array();
  for (const Explained& one : all_) {
    const Evidence& evidence = one.evidence;
    nlohmann::ordered_json shares;
    for (std::size_t c = 0; c < names().size(); ++c) shares[names()[c]] = evidence.probabilities[c];
    const std::vector<float> drops = evidence.occlusion.drops.to_vector();
    photos.push_back(
        {{"photo", one.photo},
         {"class", names()[static_cast<std::size_t>(evidence.predicted)]},
         {"probabilities", std::move(shares)},
         {"explained", names()[static_cast<std::size_t>(evidence.explained)]},
         {"layer", evidence.heat.layer},
         {"grad_cam_strongest", evidence.heat.largest > 0 ? place_of_largest(evidence.heat.on_picture) : ""},
         {"occlusion_window", evidence.occlusion.window},
         {"largest_drop", *std::max_element(drops.begin(), drops.end())},
         {"files", one.files}});
  }
  return {{"photos", std::move(photos)}, {"files", files_}};
}

std::string Explanations::text() const {
  std::string text;
  for (const Explained& one : all_) {
    text += join(one.photo, ": ", names()[static_cast<std::size_t>(one.evidence.predicted)], " (");
    const std::vector<std::size_t> order = likeliest_first(one.evidence.probabilities);
    for (std::size_t i = 0; i < order.size(); ++i)
      text += join(i ? ", " : "", names()[order[i]], ' ', percent(one.evidence.probabilities[order[i]]));
    text += join(")\n  ", sentences(one.evidence, names()), '\n');
    for (const std::string& file : one.files) text += join("  ", file, '\n');
  }
  for (const std::string& file : files_) text += file + '\n';
  return text;
}

}  // namespace

int explain(const ExplainOptions& options, const OutputOptions& output) {
  const Classifier classifier = load_classifier(options.run);
  Explanations explanations(options, classifier);
  std::optional<ProgressBar> bar;
  if (!output.quiet) bar.emplace(static_cast<std::int64_t>(options.photos.size()), "explaining");
  int unreadable = 0;
  for (const std::string& photo : options.photos) {
    try {
      explanations.add(photo);
    } catch (const Error& error) {
      std::cerr << error.what() << '\n';
      ++unreadable;
    }
    if (bar) bar->advance(1);
  }
  if (bar) bar->finish();
  if (unreadable == static_cast<int>(options.photos.size())) return 1;
  explanations.finish();
  if (output.json)
    std::cout << explanations.json().dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  else
    std::cout << explanations.text();
  return unreadable == 0 ? 0 : 1;
}

}  // namespace mien::expressions
