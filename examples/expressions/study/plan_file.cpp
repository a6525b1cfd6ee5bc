// plan.json.
#include "json.h"

namespace mien::expressions::study {
namespace {

/// Options that older plans do not have.
const std::vector<std::string> newer_options{"weights_dir", "pretrain", "pretrain_people", "pretrain_takes",
                                             "pretrain_epochs"};

StudyOptions options_from(const Json& json) {
  StudyOptions options;
  options.visit([&](std::string name, auto& field, const std::string&) {
    std::replace(name.begin(), name.end(), '-', '_');
    // How a report looks is no part of a plan, and older ones do not have it.
    const bool is_newer = std::find(newer_options.begin(), newer_options.end(), name) != newer_options.end();
    if (name != "brief" && (!is_newer || json.contains(name)))
      field = json.at(name).get<std::remove_reference_t<decltype(field)>>();
  });
  return options;
}

}  // namespace

StudyRun run_from(const Json& json) {
  StudyRun run;
  const auto take = [&](const char* name, auto& field) {
    field = json.at(name).get<std::remove_reference_t<decltype(field)>>();
  };
  take("variant", run.variant), take("network", run.network), take("augment", run.augment);
  take("tuning", run.tuning);
  take("split", run.split), take("method", run.method), take("seed", run.seed);
  take("epochs", run.epochs), take("patience", run.patience), take("batch", run.batch), take("size", run.size);
  take("framing", run.framing), take("fingerprint", run.fingerprint);
  if (json.contains("weights")) take("weights", run.weights);
  if (json.contains("colour")) take("colour", run.colour);
  return run;
}

void write_plan(const std::filesystem::path& file, const StudyPlan& plan) {
  Json runs = Json::array();
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    Json run{{"key", plan.runs[i].key()}, {"section", plan.runs[i].section}};
    run.update(to_json(plan.runs[i]));
    run["estimated_seconds"] = plan.estimated_seconds[i];
    runs.push_back(std::move(run));
  }
  Json absent = Json::array();
  for (const StudyBase& base : plan.absent) absent.push_back({{"variant", base.variant}, {"why", base.absent}});
  write_file_atomically(file, text_of(Json{{"asked", to_json(plan.asked)},
                                           {"options", to_json(plan.options)},
                                           {"pictures", plan.pictures},
                                           {"people", plan.people},
                                           {"classes", plan.class_names},
                                           {"fingerprint", plan.fingerprint},
                                           {"cuts", plan.cuts},
                                           {"remarks", plan.remarks},
                                           {"absent", std::move(absent)},
                                           {"runs", std::move(runs)}}));
}

StudyPlan read_plan(const std::filesystem::path& file) {
  return read_json(file, "the plan of a study", [&](const Json& json) {
    StudyPlan plan;
    plan.asked = options_from(json.at("asked"));
    plan.options = options_from(json.at("options"));
    json.at("pictures").get_to(plan.pictures), json.at("people").get_to(plan.people);
    json.at("classes").get_to(plan.class_names), json.at("fingerprint").get_to(plan.fingerprint);
    json.at("cuts").get_to(plan.cuts), json.at("remarks").get_to(plan.remarks);
    if (json.contains("absent"))
      for (const Json& one : json.at("absent"))
        plan.absent.push_back({.variant = one.at("variant"), .absent = one.at("why")});
    for (const Json& one : json.at("runs")) {
      plan.runs.push_back(run_from(one));
      one.at("section").get_to(plan.runs.back().section);
      plan.estimated_seconds.push_back(one.at("estimated_seconds").get<double>());
      check(plan.runs.back().key() == one.at("key").get<std::string>(), file.string(), "the run ",
            one.at("key").get<std::string>(), " has been changed: its configuration's key is ", plan.runs.back().key(),
            ".");
    }
    return plan;
  });
}

}  // namespace mien::expressions::study
