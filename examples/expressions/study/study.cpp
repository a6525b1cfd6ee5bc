#include "study.h"

#include "../classifier.h"
#include "../pictures.h"
#include "json.h"
#include "mien/data/synthetic_faces.h"
#include "variants.h"

namespace mien::expressions::study {
namespace fs = std::filesystem;

Dataset read_pictures(const StudyOptions& options, bool quiet, const std::string& colour) {
  if (options.synthetic)
    return synthetic_faces({.people = options.people,
                            .per_class_per_person = options.takes,
                            .size = options.size,
                            .seed = options.face_seed});
  const Input input{
      .size = options.size, .channels = colour == "rgb" ? 3 : 1, .framing = parse_framing(options.framing)};
  return expressions::read_pictures(options.data, input, options.group_pattern, options.groups_csv, quiet);
}

StudyPictures describe_pictures(const Dataset& data) {
  return {.count = data.size(),
          .people = group_count(data),
          .class_names = data.class_names(),
          .fingerprint = fingerprint_of(data)};
}

std::vector<const StudyResult*> results_of(const Study& study, int section, const std::string& split,
                                           const std::string& method) {
  std::vector<const StudyResult*> found;
  for (const StudyResult& result : study.results)
    if (result.run.section == section && result.run.split == split && result.run.method == method)
      found.push_back(&result);
  return found;
}

void write_study_json(const Study& study) {
  Json runs = Json::array(), timings = Json::array();
  for (const StudyResult& result : study.results) {
    runs.push_back({{"key", result.key},
                    {"section", result.run.section},
                    {"run", to_json(result.run)},
                    {"epochs", result.history.size()},
                    {"stopped_because", result.stopped_because},
                    {"scored_epoch", result.scored_epoch + 1},
                    {"loss", number_or_null(result.loss)},
                    {"accuracy", result.accuracy},
                    {"validation_loss", number_or_null(result.validation_loss)},
                    {"validation_accuracy", number_or_null(result.validation_accuracy)},
                    {"train_loss", number_or_null(result.train_loss)},
                    {"train_accuracy", result.train_accuracy},
                    {"parameters", result.parameters},
                    {"multiply_adds", result.multiply_adds},
                    {"activation_bytes", result.activation_bytes}});
    timings.push_back({{"key", result.key},
                       {"section", result.run.section},
                       {"seconds", result.seconds},
                       {"seconds_per_epoch", result.seconds_per_epoch},
                       {"images_per_second", result.images_per_second}});
  }
  const Surroundings& place = study.surroundings;
  const Json json{{"data",
                   {{"source", study.plan.options.synthetic ? "drawn faces" : study.plan.options.data},
                    {"pictures", study.plan.pictures},
                    {"people", study.plan.people},
                    {"classes", study.plan.class_names},
                    {"fingerprint", study.plan.fingerprint}}},
                  {"options", to_json(study.plan.options)},
                  {"cuts", study.plan.cuts},
                  {"remarks", study.plan.remarks},
                  {"runs", std::move(runs)},
                  {"surroundings",
                   {{"version", place.version},
                    {"machine", place.machine},
                    {"threads", place.threads},
                    {"started", place.started},
                    {"finished", place.finished}}},
                  {"timings", std::move(timings)}};
  write_file_atomically(study.folder / "study.json", text_of(json));
}

Study read_study(const fs::path& folder, bool quiet) {
  check(fs::exists(folder / "plan.json"), folder.string(), "this is no study: it has no plan.json.");
  Study study{.folder = folder, .plan = read_plan(folder / "plan.json"), .data = {}, .results = {}, .surroundings = {}};
  study.data = read_pictures(study.plan.options, quiet);
  check(fingerprint_of(study.data) == study.plan.fingerprint, folder.string(),
        "the pictures are no longer those of the study.");
  study.results = read_results(study.plan, folder);
  if (fs::exists(folder / "study.json"))
    study.surroundings = read_json(folder / "study.json", "the record of a study", [](const Json& json) {
      const Json& place = json.at("surroundings");
      return Surroundings{place.at("version").get<std::string>(), place.at("machine").get<std::string>(),
                          place.at("threads").get<std::string>(), place.at("started").get<std::string>(),
                          place.at("finished").get<std::string>()};
    });
  return study;
}

}  // namespace mien::expressions::study
