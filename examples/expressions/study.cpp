// study: the 2021 report, done again.
#include "study/study.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "commands.h"
#include "environment.h"
#include "mien/core/build_info.h"
#include "mien/core/device.h"
#include "mien/core/numbers.h"
#include "mien/data/image_folder.h"
#include "mien/io/file.h"
#include "study/report.h"
#include "study/runner.h"
#include "study/speed.h"
#include "study/variants.h"
#include "svg_to_png.h"

namespace mien::expressions {
namespace {

namespace fs = std::filesystem;
using namespace study;
using Clock = std::chrono::steady_clock;

/// Options that say where and how, not what: they may differ from the plan's.
const std::vector<std::string> free_options{"out", "plan", "dry-run", "data", "brief", "weights-dir"};

/// Throws UsageError where an option that was given is not the plan's.
void check_same_options(StudyCommand command, StudyOptions planned, const fs::path& plan) {
  std::map<std::string, std::string> values;
  planned.visit([&](const std::string& name, auto& field, const std::string&) { values[name] = join(field); });
  command.options.visit([&](const std::string& name, auto& field, const std::string&) {
    const auto is_in = [&](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    if (is_in(command.given) && !is_in(free_options) && join(field) != values[name])
      throw UsageError(join("[study] ", plan.string(), " was made with --", name, " ", values[name],
                            ", and a plan is never changed. Another --out begins another study. Got ", field, "."));
  });
}

/// A plan and its pictures.
struct Planned {
  StudyPlan plan;
  Dataset data;
  StudyOptions source;           ///< where the pictures were read
  std::vector<StudyBase> bases;  ///< of section 7
  bool is_new = false;           ///< not yet in the study's folder
};

/// Makes every split of the plan once: one that cannot be made is an error now, not after an hour.
void check_sides(const StudyPlan& plan, const Dataset& data) {
  std::set<std::pair<std::string, std::uint64_t>> made;
  for (const StudyRun& run : plan.runs)
    if (made.insert({run.split, run.seed}).second) sides_of(run, data);
}

/// Those of section 7, where it is asked for: to look at them means reading hundreds of megabytes.
std::vector<StudyBase> bases_for(const StudyOptions& options) {
  const std::vector<int> chosen = chosen_sections(options.sections);
  if (std::find(chosen.begin(), chosen.end(), 7) == chosen.end()) return {};
  return find_bases(options);
}

/// What is planned with. Whether photographs have colour is looked at where a base will see them.
StudyPictures pictures_for(const Dataset& data, const StudyOptions& options, const std::vector<StudyBase>& bases) {
  StudyPictures pictures = describe_pictures(data);
  const bool has_base = std::any_of(bases.begin(), bases.end(), [](const StudyBase& b) { return !b.weights.empty(); });
  pictures.in_colour = has_base && !options.synthetic && first_grey_picture(options.data).empty();
  return pictures;
}

Planned find_plan(const StudyCommand& command, const OutputOptions& output) {
  const StudyOptions& options = command.options;
  const fs::path own = fs::path(options.out) / "plan.json";
  const bool goes_on = !options.out.empty() && fs::exists(own);
  if (!goes_on && options.plan.empty()) {
    if (!options.synthetic && options.data.empty())
      throw UsageError("[study] --data is missing: the folder of photographs. --synthetic draws faces instead.");
    StudyOptions asked = options;
    if (!asked.data.empty()) asked.data = fs::absolute(asked.data).lexically_normal().string();
    Dataset data = study::read_pictures(asked, output.quiet);
    const SpeedOf speed = measured_speed(data, asked, output.quiet);
    std::vector<StudyBase> bases = bases_for(asked);
    StudyPlan plan = plan_study(asked, command.given, pictures_for(data, asked, bases), speed, bases);
    check_sides(plan, data);
    return {std::move(plan), std::move(data), std::move(asked), std::move(bases), true};
  }
  const fs::path file = goes_on ? own : fs::path(options.plan);
  StudyPlan plan = read_plan(file);
  check_same_options(command, plan.asked, file);
  if (goes_on && !options.plan.empty())
    check(read_plan(options.plan).runs == plan.runs, own.string(),
          "another plan is there already. Choose another "
          "--out for ",
          options.plan, ".");
  if (plan.options.synthetic && !options.data.empty())
    throw UsageError(join("[study] ", file.string(), " is the plan for drawn faces. Got --data ", options.data, "."));
  StudyOptions source = plan.options;
  if (!options.data.empty()) source.data = options.data;
  Dataset data = study::read_pictures(source, output.quiet);
  const StudyPictures pictures = describe_pictures(data);
  check(pictures.fingerprint == plan.fingerprint && pictures.count == plan.pictures, file.string(),
        "the plan was made for other pictures (", plan.pictures, ", fingerprint ", plan.fingerprint, "). Got ",
        pictures.count, ", fingerprint ", pictures.fingerprint, ".");
  if (std::find(command.given.begin(), command.given.end(), "weights-dir") != command.given.end())
    source.weights_dir = options.weights_dir;
  std::vector<StudyBase> bases = bases_for(source);
  return {std::move(plan), std::move(data), std::move(source), std::move(bases), !goes_on};
}

/// One line a section: how many trainings, of how many epochs, and how long at most.
std::string plan_text(const StudyPlan& plan) {
  std::string text = join("The plan: ", plan.runs.size(), " trainings on ", grouped(plan.pictures), " pictures");
  if (plan.people > 0) text += join(" of ", grouped(plan.people), " people");
  text += '\n';
  double all = 0;
  for (int section : sections()) {
    std::size_t count = 0;
    int epochs = 0;
    double seconds = 0;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < plan.runs.size(); ++i) {
      const StudyRun& run = plan.runs[i];
      if (run.section != section) continue;
      ++count, seconds += plan.estimated_seconds[i], epochs = std::max(epochs, run.epochs);
      if (std::find(names.begin(), names.end(), run.variant) == names.end()) names.push_back(run.variant);
    }
    if (count == 0) continue;
    all += seconds;
    text += join("  section ", section, ", ", section_title(section), ": ", count, " trainings of at most ", epochs,
                 " epochs, at most ", duration(seconds), "\n    ");
    for (std::size_t i = 0; i < names.size(); ++i) text += (i ? ", " : "") + names[i];
    text += '\n';
  }
  text += join("  splits: ", plan.options.split == "both" ? "random and by person" : plan.options.split,
               "; method: ", plan.options.method == "both" ? "sound and the report's" : plan.options.method,
               "; seeds: ", plan.options.seeds, "\n  together at most ", duration(all),
               "; early stopping ends most trainings sooner\n");
  for (const std::string& cut : plan.cuts) text += "Cut to fit the budget. " + cut + '\n';
  for (const std::string& remark : plan.remarks) text += remark + '\n';
  for (const StudyBase& base : plan.absent)
    text += join("Section 7, ", variant(base.variant).title, ": ", base.absent, '\n');
  return text;
}

int print_plan(const StudyPlan& plan, const OutputOptions& output) {
  if (!output.json) {
    std::cout << plan_text(plan) << "Nothing was trained (--dry-run).\n";
    return 0;
  }
  nlohmann::ordered_json runs = nlohmann::ordered_json::array();
  double all = 0;
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    nlohmann::ordered_json run{{"key", plan.runs[i].key()}, {"section", plan.runs[i].section}};
    run.update(nlohmann::ordered_json::parse(canonical_json(plan.runs[i])));
    run["estimated_seconds"] = plan.estimated_seconds[i];
    all += plan.estimated_seconds[i];
    runs.push_back(std::move(run));
  }
  nlohmann::ordered_json absent = nlohmann::ordered_json::array();
  for (const StudyBase& base : plan.absent) absent.push_back({{"variant", base.variant}, {"why", base.absent}});
  std::cout << nlohmann::ordered_json{{"estimated_seconds", all},
                                      {"cuts", plan.cuts},
                                      {"remarks", plan.remarks},
                                      {"absent", std::move(absent)},
                                      {"runs", std::move(runs)}}
                   .dump(2)
            << '\n';
  return 0;
}

/// Where the time went: seconds of each section's trainings, and how many there were.
std::map<int, std::pair<double, int>> time_of_sections(const Study& study) {
  std::map<int, std::pair<double, int>> times;
  for (const StudyResult& result : study.results) {
    times[result.run.section].first += result.seconds;
    times[result.run.section].second += 1;
  }
  return times;
}

/// Of this session, besides the trainings.
struct OtherTime {
  double planning = 0, reporting = 0;
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void print_summary(const Study& study, const OtherTime& other, const OutputOptions& output) {
  double all = 0;
  const auto times = time_of_sections(study);
  for (const auto& [section, time] : times) all += time.first;
  if (output.json) {
    nlohmann::ordered_json sections = nlohmann::ordered_json::array();
    for (const auto& [section, time] : times)
      sections.push_back({{"section", section}, {"trainings", time.second}, {"seconds", time.first}});
    std::cout << nlohmann::ordered_json{{"study", study.folder.string()},
                                        {"trainings", study.results.size()},
                                        {"cuts", study.plan.cuts},
                                        {"training_seconds", all},
                                        {"sections", std::move(sections)},
                                        {"planning_seconds", other.planning},
                                        {"reporting_seconds", other.reporting},
                                        {"results", (study.folder / "study.json").string()},
                                        {"report", (study.folder / "report.html").string()}}
                     .dump(2)
              << '\n';
    return;
  }
  std::cout << "Where the time went:\n";
  for (const auto& [section, time] : times)
    std::cout << "  section " << section << ", " << section_title(section) << ": " << duration(time.first) << " for "
              << time.second << " trainings\n";
  std::cout << "  together: " << duration(all) << " of training and scoring\n  besides: " << duration(other.planning)
            << " to read the pictures and plan, " << duration(other.reporting) << " to write the report\n";
  for (const std::string& cut : study.plan.cuts) std::cout << "Cut to fit the budget. " << cut << '\n';
  std::cout << "Report: " << (study.folder / "report.html").string()
            << "\nResults: " << (study.folder / "study.json").string() << '\n';
}

/// When the study was begun: the day of its plan, which is written once.
std::string started_text(const fs::path& folder, bool is_new) {
  const fs::path file = folder / "started.txt";
  if (is_new || !fs::exists(file)) write_file_atomically(file, now_text() + "\n");
  const std::string text = read_file(file, 1 << 10);
  return text.substr(0, text.find('\n'));
}

}  // namespace

int run_study(StudyCommand command, const OutputOptions& output) {
  const StudyOptions& options = command.options;
  check_options(options);
  if (options.dry_run) return print_plan(find_plan(command, output).plan, output);
  if (options.out.empty()) throw UsageError("[study] --out is missing: the folder for the study.");
  const fs::path folder = options.out;
  const bool may_begin = options.synthetic || !options.data.empty() || !options.plan.empty();
  check(may_begin || fs::exists(folder / "plan.json"), folder.string(),
        "no study is there to go on with. --data or --synthetic begins one.");
  OtherTime other;
  Clock::time_point start = Clock::now();
  // A study that is refused leaves no folder behind: a new one has its plan before it has a place.
  std::optional<Planned> first;
  if (!fs::exists(folder / "plan.json")) first = find_plan(command, output);
  const StudyLock lock(folder);
  Planned planned = first && !fs::exists(folder / "plan.json") ? std::move(*first) : find_plan(command, output);
  Study study{
      .folder = folder, .plan = std::move(planned.plan), .data = planned.data, .results = {}, .surroundings = {}};
  if (planned.is_new) write_plan(folder / "plan.json", study.plan);
  study.surroundings.started = started_text(folder, planned.is_new);
  if (!output.quiet) std::cerr << plan_text(study.plan);
  other.planning = seconds_since(start);

  {
    const InterruptGuard guard;
    StudyData data(study.data, [&] { return study::read_pictures(planned.source, output.quiet, "rgb"); });
    if (!train_all(study.plan, data, planned.bases, folder, InterruptGuard::interrupted, output.quiet)) {
      std::cerr << "Stopped. To go on: expressions study --out " << folder.string() << '\n';
      return exit_interrupted;
    }
  }
  start = Clock::now();
  study.results = read_results(study.plan, folder);
  study.surroundings.version = join("mien ", build_info().version, " ", build_info().commit);
  study.surroundings.machine = machine();
  study.surroundings.threads = describe(Device::cpu);
  study.surroundings.finished = now_text();
  write_study_json(study);
  study.plan.options.brief = options.brief;
  write_report(study, folder);
  if (!can_make_png() && !output.quiet)
    std::cerr << "The figures are there as SVG only: this program was built without librsvg.\n";
  other.reporting = seconds_since(start);
  print_summary(study, other, output);
  return 0;
}

}  // namespace mien::expressions
