#include "report_explain.h"

#include <map>

#include "../explain_figures.h"
#include "mien/core/numbers.h"
#include "report_text.h"

namespace mien::expressions::study {
namespace {

constexpr int right_faces = 3, wrong_faces = 3, maps_a_layer = 6;

/// The run that is looked into: nothing where none was done.
const StudyResult* run_of(const StudyRuns& runs, const std::string& id) {
  for (const char* split : {"group", "random", "all"})
    if (const RunGroup& group = runs.group(id, split); !group.empty()) return group.runs[0];
  return nullptr;
}

/// What the answers shown rest on, in words, where the figures bear it out.
std::string about(const std::vector<Evidence>& evidence) {
  int right = 0, helped = 0;
  std::map<std::string, int> places;
  for (const Evidence& one : evidence) {
    right += one.predicted == one.face.label;
    ++places[place_of_largest(one.heat.on_picture)];
    float least = 0;
    for (const float drop : one.occlusion.drops.to_vector()) least = std::min(least, drop);
    helped += least < -0.05f;
  }
  std::vector<std::string> where;
  for (const auto& [place, count] : places) where.push_back(join(place, " (", count, ")"));
  std::string text =
      join(counted(right, "face", "faces"), " recognised and ",
           counted(static_cast<std::int64_t>(evidence.size()) - right, "face", "faces"),
           " taken for something else, the surest of each. Grad-CAM is strongest here: ", listed(where), ".");
  if (helped > 0)
    text += join(" In ", counted(helped, "picture", "pictures"),
                 " covering some place makes the network surer of its answer by more than 5 points.");
  return capital(text);
}

}  // namespace

std::vector<DocumentBlock> what_it_sees(const StudyRuns& runs, const std::string& id, int& figure) {
  const std::string title = variant(id).title;
  const StudyResult* run = run_of(runs, id);
  if (run == nullptr) return {DocumentText{join(title, ": not run, so there is nothing to look into.")}};
  const std::filesystem::path weights = run_folder(runs.study().folder, run->key) / "best.safetensors";
  if (!std::filesystem::exists(weights))
    return {DocumentText{join(title, ": the run's weights are not there any more, so that it cannot be looked into.")}};
  const Classifier classifier = load_classifier(weights);
  const Dataset& data = runs.study().data;
  std::map<std::string, int> numbers;
  for (int i = 0; i < data.size(); ++i) numbers[data.name(i)] = i;
  const Explainer explainer(classifier);
  std::vector<Evidence> evidence;
  for (const int place : telling_faces(run->test, right_faces, wrong_faces))
    if (const auto found = numbers.find(run->names[static_cast<std::size_t>(place)]); found != numbers.end())
      evidence.push_back(explainer.evidence(face_of(data, found->second)));
  if (evidence.empty()) return {DocumentText{join(title, ": none of its test pictures is there to be shown.")}};

  std::vector<DocumentBlock> blocks{DocumentText{DocumentLine{{title + ", "},
                                                              {join("the run of seed ", run->run.seed), run_link(*run)},
                                                              {join(", ", split_name(run->run.split), ".")}}}};
  blocks.push_back(DocumentFigure{.id = "sees-" + id + "-evidence",
                                  .caption = about(evidence),
                                  .svg = evidence_figure(evidence, classifier.class_names),
                                  .label = join("Figure ", figure++)});
  blocks.push_back(DocumentFigure{.id = "sees-" + id + "-filters",
                                  .caption = join("The first convolution's filters of ", title, "."),
                                  .svg = filters_figure(classifier.net),
                                  .label = join("Figure ", figure++)});
  blocks.push_back(DocumentFigure{.id = "sees-" + id + "-maps",
                                  .caption = join("Feature maps of ", title, " for the first of these faces: ",
                                                  maps_a_layer, " of each convolution, those that vary most."),
                                  .svg = feature_maps_figure(classifier, evidence[0].face, maps_a_layer),
                                  .label = join("Figure ", figure++)});
  return blocks;
}

}  // namespace mien::expressions::study
