#include "pretraining.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "mien/core/numbers.h"
#include "mien/data/synthetic_faces.h"
#include "mien/io/file.h"
#include "mien/train/run_folder.h"
#include "networks.h"

namespace mien::expressions {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int pretraining_batch = 32;
constexpr double pretraining_rate = 2e-3, pretraining_decay = 0.05, pretraining_smoothing = 0.1;

/// All that decides what comes out.
Json description_of(const std::string& network, const Pretraining& wanted) {
  return {{"network", network},  {"people", wanted.people}, {"takes", wanted.takes},
          {"size", wanted.size}, {"epochs", wanted.epochs}, {"seed", wanted.seed}};
}

Json read_result(const fs::path& file) {
  const Json json = Json::parse(read_file(file, 1 << 20), nullptr, false);
  check(json.is_object() && json.contains("description") && json.contains("pictures") && json.contains("epochs") &&
            json.contains("accuracy"),
        file.string(), "this is not what a pretraining came to.");
  return json;
}

void copy_base(models::TransferNetwork& to, const models::TransferNetwork& from) {
  const auto target = to.base.parameters(), source = from.base.parameters();
  for (std::size_t i = 0; i < target.size(); ++i) target[i]->value.copy_from(source[i]->value);
}

}  // namespace

PretrainingResult pretrain(models::TransferNetwork& network, const TransferName& name, const Pretraining& wanted,
                           const fs::path& folder, bool quiet) {
  const TransferName trained{.base = name.base, .alpha = name.alpha, .input = name.input, .head = "pooled"};
  const Json description = description_of(trained.text(), wanted);
  const fs::path file = folder / "pretraining.json";
  // Drawn faces are grey; the base is the same whatever the photographs are.
  models::TransferNetwork source =
      make_transfer(trained, {wanted.size, wanted.size, 1}, static_cast<int>(face_expressions.size()), wanted.seed);
  if (fs::exists(file)) {
    const Json json = read_result(file);
    check(json["description"] == description, folder.string(),
          "another pretraining is there already. Choose another --out, or remove it.");
    load(source.net, folder / "best.safetensors");
    copy_base(network, source);
    return {.pictures = json["pictures"], .epochs = json["epochs"], .accuracy = json["accuracy"]};
  }
  PretrainingResult result;
  const Dataset faces = synthetic_faces(
      {.people = wanted.people, .per_class_per_person = wanted.takes, .size = wanted.size, .seed = wanted.seed});
  const Split sides = split(faces, {.train = 0.8, .validation = 0.1, .by_group = true, .seed = wanted.seed});
  if (!quiet)
    std::cerr << "Pretraining on " << grouped(faces.size()) << " drawn faces of " << grouped(wanted.people)
              << " people.\n";
  TrainingSetup setup{.network = trained.text(),
                      .input = {.size = wanted.size, .scale = input_scale_of(trained.text())},
                      .epochs = wanted.epochs,
                      .batch = pretraining_batch,
                      .learning_rate = pretraining_rate,
                      .patience = wanted.epochs,
                      .augment = "faces",
                      .tuning = {.schedule = "cosine",
                                 .weight_decay = pretraining_decay,
                                 .label_smoothing = pretraining_smoothing,
                                 .keep = "last"},
                      .seed = wanted.seed,
                      .device = wanted.device,
                      .should_stop = wanted.should_stop,
                      .resume = last_checkpoint(folder)};
  if (!quiet) setup.callbacks.push_back(Progress());
  const History history = train_network(source.net, sides, folder, std::move(setup));
  if (history.interrupted) {
    result.complete = false;
    return result;
  }
  const Evaluation test = mien::evaluate(source.net, sides.test, {.input_scale = input_scale_of(trained.text())});
  result.pictures = sides.train.size();
  result.epochs = static_cast<int>(history.epochs.size());
  result.accuracy = test.accuracy;
  copy_base(network, source);
  write_file_atomically(file, Json{{"description", description},
                                   {"pictures", result.pictures},
                                   {"epochs", result.epochs},
                                   {"accuracy", result.accuracy}}
                                      .dump(2) +
                                  "\n");
  std::error_code ignored;
  fs::remove_all(folder / "last", ignored);
  return result;
}

std::string describe_pretraining(const Pretraining& wanted, const PretrainingResult& result) {
  return join("on ", grouped(result.pictures), " drawn faces of ", grouped(wanted.people),
              " people that the program invented, not on photographs and not on ImageNet; ", result.epochs,
              " epochs, then right on ", percent(result.accuracy), " of drawn people it had not seen");
}

}  // namespace mien::expressions
