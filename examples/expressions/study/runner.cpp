#include "runner.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>

#include "../networks.h"
#include "../training.h"
#include "mien/core/numbers.h"
#include "mien/io/file.h"
#include "mien/train/run_folder.h"
#include "progress.h"
#include "result.h"
#include "transfer_run.h"
#include "variants.h"

namespace mien::expressions::study {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// What is only there to go on with a training, and what a kill has left half written.
void remove_leftovers(const fs::path& folder) {
  std::error_code ignored;
  recover_folder(folder / "last");
  fs::remove_all(folder / "last", ignored);
  fs::remove_all(folder / "events", ignored);
  remove_abandoned_files(folder);
}

/// The checkpoint to go on from. A folder whose config.json is of anything else is cleared.
std::optional<TrainingState> begin_or_go_on(const fs::path& folder, const StudyRun& run) {
  const std::string config = canonical_json(run);
  make_folder(folder);
  remove_abandoned_files(folder);
  if (fs::exists(folder / "config.json") && read_file(folder / "config.json") == config) return last_checkpoint(folder);
  clear_run(folder);
  write_file_atomically(folder / "config.json", config);
  return std::nullopt;
}

/// What the network is made of.
void tell_of(const Model& net, StudyResult& result) {
  result.summary = summarize(net);
  result.parameters = result.summary.parameters;
  result.multiply_adds = result.summary.multiply_adds;
  result.activation_bytes = result.summary.activation_bytes;
}

/// Scores the network and fills in what it came to.
StudyResult scored(const Model& net, const Split& sides, const Split& pictures, const Input& input) {
  const mien::EvaluateOptions options{.input_scale = input.scale, .flips = input.flips};
  StudyResult result;
  result.test = mien::evaluate(net, sides.test, options);
  result.loss = result.test.loss, result.accuracy = result.test.accuracy;
  for (int i = 0; i < pictures.test.size(); ++i) {
    result.names.push_back(pictures.test.name(i));
    if (pictures.test.has_groups()) result.groups.push_back(pictures.test.group(i));
  }
  result.validation_loss = result.validation_accuracy = std::numeric_limits<double>::quiet_NaN();
  result.validation_count = sides.validation.size();
  if (!sides.validation.empty()) {
    const Evaluation validation = mien::evaluate(net, sides.validation, options);
    result.validation_loss = validation.loss, result.validation_accuracy = validation.accuracy;
  }
  const Evaluation training = mien::evaluate(net, sides.train, options);
  result.train_loss = training.loss, result.train_accuracy = training.accuracy;
  result.train_count = sides.train.size();
  tell_of(net, result);
  return result;
}

/// What is the same for all runs of a session.
struct Session {
  const StudyPlan& plan;
  StudyData& data;
  const std::vector<StudyBase>& bases;
  const fs::path& study;
  const std::function<bool()>& should_stop;
  bool quiet;
};

/// One training from its pictures to its result.json; nothing where it was stopped.
std::optional<StudyResult> train_one(const StudyRun& run, const Session& session, const fs::path& folder,
                                     StudyProgress& progress) {
  const Clock::time_point start = Clock::now();
  const bool report = run.method == "report";
  const Dataset& data = session.data.of(run);
  const Split pictures = sides_of(run, data);
  std::optional<TransferRun> transfer;
  if (!run.weights.empty()) {
    progress.clear();
    transfer = make_transfer_run(run, pictures, session.plan.options, base_of(session.bases, run.variant, run.weights),
                                 session.study, session.should_stop, session.quiet);
    if (!transfer) return std::nullopt;
  }
  const Split sides = transfer ? transfer->features : sides_for(run.network, pictures);
  const TrainOptions recipe = recipe_named(recipe_of(run.variant));
  check(run.tuning == describe_tuning(recipe), folder.string(), "the plan trains by \"", run.tuning,
        "\", which this version of the program no longer does. It trains by \"", describe_tuning(recipe), "\".");
  const Tuning tuning = tuning_of(recipe);
  const Input input{.size = run.size, .framing = parse_framing(run.framing), .flips = tuning.flips};
  Model net = transfer ? transfer->network.head
                       : network_named(run.network, sides.train.image_shape(), data.class_count(), run.seed);
  TrainingSetup setup{.network = run.network,
                      .input = input,
                      .epochs = run.epochs,
                      .batch = run.batch,
                      .learning_rate = recipe.learning_rate,
                      .patience = run.patience,
                      .restore_best = !report,
                      .augment = run.augment,
                      .tuning = tuning,
                      .seed = run.seed,
                      .callbacks = {progress.callback()},
                      .should_stop = session.should_stop,
                      .resume = begin_or_go_on(folder, run)};
  const std::size_t epochs_before =
      setup.resume ? static_cast<std::size_t>(setup.resume->integer("history.epochs")) : 0;
  const History history = train_network(net, sides, folder, std::move(setup));
  if (history.interrupted) return std::nullopt;

  StudyResult result = scored(net, sides, pictures, input);
  if (transfer) tell_of(transfer->network.net, result);
  result.run = run;
  result.key = run.key();
  result.history = history.epochs;
  result.stopped_because = history.stopped_because;
  result.scored_epoch = history.best_epoch < 0 ? static_cast<int>(history.epochs.size()) - 1 : history.best_epoch;
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  for (std::size_t i = 0; i < epochs_before; ++i) result.seconds += history.epochs[i].seconds;
  write_result(folder, result, data.class_names());
  // A head alone predicts nothing, and those of the report's kind are large: with the features it is quickly made
  // again.
  if (transfer) fs::remove(folder / "best.safetensors");
  return result;
}

std::string outcome_text(const StudyResult& result) {
  return join("accuracy ", percent(result.accuracy), result.run.split == "all" ? " of what it was trained on" : "",
              " after ", result.history.size(), " epochs, ", duration(result.seconds));
}

}  // namespace

StudyLock::StudyLock(const fs::path& study) {
  make_folder(study);
  const fs::path file = study / ".lock";
  descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  check(descriptor_ >= 0, file.string(), "it cannot be opened: ", std::generic_category().message(errno), ".");
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  ::close(descriptor_);
  fail(study.string(), "another process is at work on this study. It can go on when that one has ended.");
}

StudyLock::~StudyLock() { ::close(descriptor_); }

const Dataset& StudyData::of(const StudyRun& run) {
  if (run.colour == "grey") return grey_;
  if (!in_colour_) in_colour_ = read_in_colour_();
  return *in_colour_;
}

bool train_all(const StudyPlan& plan, StudyData& data, const std::vector<StudyBase>& bases, const fs::path& study,
               const std::function<bool()>& should_stop, bool quiet) {
  const Session session{plan, data, bases, study, should_stop, quiet};
  StudyProgress progress(plan, quiet);
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    const StudyRun& run = plan.runs[i];
    const fs::path folder = run_folder(study, run.key());
    if (is_finished(folder)) {
      progress.skip(i);
      remove_leftovers(folder);
      continue;
    }
    if (should_stop()) return false;
    progress.begin(i);
    const auto result = train_one(run, session, folder, progress);
    if (!result) {
      progress.clear();
      return false;
    }
    remove_leftovers(folder);
    progress.finish(outcome_text(*result));
  }
  return true;
}

}  // namespace mien::expressions::study
