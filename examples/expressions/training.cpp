#include "training.h"

#include "augmentation.h"
#include "mien/train/run_folder.h"
#include "networks.h"

namespace mien::expressions {

Split sides_for(const std::string& network, const Split& sides) {
  if (!takes_label(network)) return sides;
  const auto labelled = [](const Dataset& side) { return side.empty() ? side : with_label_channel(side); };
  return {labelled(sides.train), labelled(sides.validation), labelled(sides.test)};
}

History train_network(Model& net, const Split& sides, const std::filesystem::path& folder, TrainingSetup setup) {
  const char* monitor = sides.validation.empty() ? "loss" : "val_loss";
  FitOptions options{.epochs = setup.epochs,
                     .batch = setup.batch,
                     .optimizer = Adam(setup.learning_rate),
                     .validation = sides.validation,
                     .callbacks = {EarlyStopping(
                         {.monitor = monitor, .patience = setup.patience, .restore_best = setup.restore_best})},
                     .input_scale = setup.input.scale,
                     .augment = augmentation_of(setup.augment),
                     .seed = setup.seed,
                     .device = setup.device,
                     .should_stop = std::move(setup.should_stop),
                     .resume = std::move(setup.resume)};
  for (Callback& callback : setup.callbacks) options.callbacks.push_back(std::move(callback));
  options.callbacks.push_back(RunFolder(
      folder,
      {.metadata = describe_classifier(setup.network, sides.train.class_names(), setup.input), .monitor = monitor}));
  return fit(net, sides.train, std::move(options));
}

}  // namespace mien::expressions
