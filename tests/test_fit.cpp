// Training: it learns, stops, resumes to the same bits, and refuses what cannot be trained.
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <limits>

#include "mien/core/device.h"
#include "mien/core/random.h"
#include "mien/data/mixup.h"
#include "mien/kernels/error.h"
#include "mien/layers/layers.h"
#include "mien/train/fit.h"
#include "mien/train/flips.h"

using namespace mien;

namespace {

/// Pictures of 8x8 with a bright bar: upright in class 0, lying in class 1, and noise over both.
Dataset bars(int count, std::uint64_t seed) {
  LabelledImages all;
  all.class_names = {"upright", "lying"};
  std::vector<std::uint8_t> pixels;
  Random random(seed, Purpose::test);
  for (int i = 0; i < count; ++i) {
    const int label = i % 2;
    const auto place = static_cast<int>(random.below(8));
    for (int row = 0; row < 8; ++row)
      for (int column = 0; column < 8; ++column)
        pixels.push_back(static_cast<std::uint8_t>(random.below(100) + ((label ? row : column) == place ? 120 : 0)));
    all.labels.push_back(label);
  }
  all.images = Tensor::from(pixels, {count, 8, 8, 1});
  return Dataset(std::move(all));
}

Sequential small_network() {
  return Sequential{Conv2D(4, 3, {.padding = Padding::same, .activation = relu}),
                    MaxPool2D(2),
                    BatchNormalization({.momentum = 0.8f}),
                    Flatten(),
                    Dropout(0.25f),
                    Dense(8, {.activation = relu, .kernel_regularizer = l2(1e-3f)}),
                    Dense(2)};
}

std::vector<std::vector<float>> weights_of(const Model& net) {
  std::vector<std::vector<float>> weights;
  for (const auto& parameter : net.parameters()) weights.push_back(parameter->value.to_vector());
  return weights;
}

/// Keeps the state at every checkpoint.
class Keeper : public CallbackModule {
 public:
  std::vector<TrainingState> states;
  void on_checkpoint(Training& training) override { states.push_back(training.state()); }
};

}  // namespace

TEST_CASE("a small network learns bars, and evaluate() agrees with what fit() reported", "[fit]") {
  const Dataset data = bars(96, 1), validation = bars(40, 2);
  Sequential net = small_network();
  const History history =
      fit(net, data, {.epochs = 12, .batch = 16, .optimizer = Adam(1e-2), .validation = validation, .seed = 1});
  REQUIRE(history.epochs.size() == 12);
  CHECK(history.epochs.back().loss < 0.5 * history.epochs.front().loss);
  CHECK(history.epochs.back().val_accuracy > 0.9);
  const Evaluation evaluation = evaluate(net, validation);
  CHECK(evaluation.accuracy == history.epochs.back().val_accuracy);
  CHECK(evaluation.loss == Approx(history.epochs.back().val_loss));
  CHECK(evaluation.probabilities.size() == 80);
  CHECK(history.stopped_because == "all 12 epochs are done");
}

TEST_CASE("the same seed gives the same weights to the bit, on one, two and three threads", "[fit]") {
  std::vector<std::vector<float>> first;
  const int before = threads();
  const double mixup = GENERATE(0.0, 0.4);
  for (int count = 1; count <= 3; ++count) {
    set_threads(count);
    Sequential net = small_network();
    fit(net, bars(40, 1), {.epochs = 3, .batch = 16, .mixup = mixup, .seed = 7});
    if (count == 1)
      first = weights_of(net);
    else
      CHECK(weights_of(net) == first);
  }
  set_threads(before);
}

TEST_CASE("a training resumed from any checkpoint ends with the same bits as one never stopped", "[fit]") {
  enum class With { nothing, augmentation, mixup_and_averages };
  const With with = GENERATE(With::nothing, With::augmentation, With::mixup_and_averages);
  const Dataset data = bars(40, 1), validation = bars(16, 2);
  const auto options = [&] {
    FitOptions all{
        .epochs = 5,
        .batch = 16,
        .optimizer = Adam(1e-2),
        .validation = validation,
        .callbacks = {EarlyStopping({.patience = 2, .restore_best = true}), ReduceLROnPlateau({.patience = 1})},
        .seed = 3};
    if (with == With::augmentation) all.augment = {.width_shift = 0.2, .brightness = {0.8, 1.2}, .zoom = 0.1};
    if (with == With::mixup_and_averages) {
      all.mixup = 0.5;
      all.optimizer = Adam({.learning_rate = 1e-2, .average = {.momentum = 0.8}});
    }
    return all;
  };
  Sequential whole = small_network();
  auto keeper = std::make_shared<Keeper>();
  FitOptions watched = options();
  watched.callbacks.push_back(Callback(keeper));
  const History history = fit(whole, data, watched);
  REQUIRE(keeper->states.size() == history.epochs.size());

  // From every epoch's end, by way of a file.
  const auto path = std::filesystem::temp_directory_path() / "mien_fit_state";
  for (const TrainingState& state : keeper->states) {
    state.write(path);
    Sequential net = small_network();
    FitOptions resumed = options();
    resumed.resume = TrainingState::read(path);
    const History rest = fit(net, data, resumed);
    CHECK(weights_of(net) == weights_of(whole));
    REQUIRE(rest.epochs.size() == history.epochs.size());
    CHECK(rest.epochs.back().val_loss == history.epochs.back().val_loss);
    CHECK(rest.best_epoch == history.best_epoch);
    CHECK(rest.stopped_because == history.stopped_because);
  }

  // And from the middle of an epoch, where Ctrl-C stopped it, at every step.
  for (int stop_after = 1; stop_after < 8; ++stop_after) {
    Sequential net = small_network();
    auto last = std::make_shared<Keeper>();
    FitOptions stopped = options();
    stopped.callbacks.push_back(Callback(last));
    int steps = 0;
    stopped.should_stop = [&] { return ++steps == stop_after; };
    CHECK(fit(net, data, stopped).interrupted);
    FitOptions resumed = options();
    resumed.resume = last->states.back();
    Sequential again = small_network();
    fit(again, data, resumed);
    CHECK(weights_of(again) == weights_of(whole));
  }
}

TEST_CASE("augmentation changes what is trained on: not at all where nothing is asked, and never the validation",
          "[fit]") {
  const Dataset data = bars(40, 1), validation = bars(16, 2);
  const auto trained = [&](std::optional<AugmentationOptions> augment, int epochs) {
    Sequential net = small_network();
    const History history =
        fit(net, data, {.epochs = epochs, .batch = 16, .validation = validation, .augment = augment, .seed = 3});
    return std::pair{weights_of(net), history.epochs.back().val_loss};
  };
  CHECK(trained(AugmentationOptions{}, 1) == trained({}, 1));
  CHECK(trained(AugmentationOptions{.horizontal_flip = true}, 1).first != trained({}, 1).first);
  // A network without batch statistics, and steps of size 0: the validation sees one network and its own pictures.
  const auto untrained = [&](std::optional<AugmentationOptions> augment) {
    Sequential net{Flatten(), Dense(2)};
    return fit(net, data, {.optimizer = SGD(0), .validation = validation, .augment = augment, .seed = 3}).epochs[0];
  };
  const EpochRecord plain = untrained({}), darkened = untrained(AugmentationOptions{.brightness = {0.5, 0.6}});
  CHECK(darkened.val_loss == plain.val_loss);
  CHECK(darkened.loss != plain.loss);
}

TEST_CASE("mixup: the loss is that of the mixed pictures, shared between both labels", "[fit]") {
  // Two pictures of one pixel, 0 and 255, one a class, and logits (pixel, 0): all can be worked out by hand.
  LabelledImages all;
  all.class_names = {"light", "dark"};
  all.images = Tensor::from(std::vector<std::uint8_t>{255, 0}, {2, 1, 1, 1});
  all.labels = {0, 1};
  std::uint64_t seed = 0;  // one where the two are mixed with each other
  while (draw_mixup(0.7, 2, seed, 0).partner[0] == 0) ++seed;
  const double share = draw_mixup(0.7, 2, seed, 0).share;
  Sequential net{Flatten(), Dense(2)};
  net.build({1, 1, 1}, 1);
  net.parameters()[0]->value.copy_from(Tensor::from(std::vector<float>{1, 0}, {1, 2}));
  net.parameters()[1]->value.copy_from(Tensor::zeros({2}));
  const History history =
      fit(net, Dataset(all), {.batch = 2, .optimizer = SGD(0), .shuffle = false, .mixup = 0.7, .seed = seed});
  const auto loss = [&](double pixel, double of_light) {
    const double both = std::log(std::exp(pixel) + 1);
    return of_light * (both - pixel) + (1 - of_light) * both;
  };
  const double expected = (loss(share, share) + loss(1 - share, 1 - share)) / 2;
  CHECK(share > 0.5);
  CHECK(history.epochs[0].loss == Approx(expected));
  CHECK_THROWS_WITH(fit(net, Dataset(all), {.mixup = -1}), Catch::Contains("mixup must be finite and at least 0"));
}

TEST_CASE("with running means, the network holds them wherever it is looked at, and trains on without them", "[fit]") {
  const Dataset data = bars(32, 1), validation = bars(16, 2);
  const auto trained = [&](double momentum, std::vector<std::vector<std::vector<float>>>& after_epoch, int epochs) {
    Sequential net{Flatten(), Dense(2)};
    fit(net, data,
        {.epochs = epochs,
         .batch = 32,
         .optimizer = SGD({.learning_rate = 0.1, .average = {.momentum = momentum}}),
         .validation = validation,
         .callbacks = {OnEpochEnd([&](Training& training, const EpochRecord& record) {
           after_epoch.push_back(weights_of(training.model()));
           CHECK(record.val_loss == evaluate(training.model(), validation, {.batch = 32}).loss);
         })},
         .seed = 3});
    return weights_of(net);
  };
  std::vector<std::vector<std::vector<float>>> plain, mean;
  trained(0, plain, 3);
  const std::vector<std::vector<float>> last = trained(0.5, mean, 3);
  CHECK(last == mean.back());
  CHECK(mean[0] == plain[0]);  // one step an epoch: the first mean is the weight itself
  for (std::size_t i = 0; i < plain[0].size(); ++i)
    for (std::size_t k = 0; k < plain[0][i].size(); ++k)
      CHECK(mean[2][i][k] == Approx(0.25f * plain[0][i][k] + 0.25f * plain[1][i][k] + 0.5f * plain[2][i][k]));
}

TEST_CASE("a mirrored picture has left and right exchanged, its rows and channels as they were", "[fit]") {
  const Tensor bytes = Tensor::from(std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {1, 2, 3, 2});
  CHECK(mirrored(bytes).to_vector<std::uint8_t>() == std::vector<std::uint8_t>{5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8});
  CHECK_THROWS_WITH(mirrored(Tensor::zeros({2, 3})), Catch::Contains("(count, height, width, channels)"));
  // A class that vanishes in one look keeps half of the other's probability, and none that vanishes in both is lost.
  const Tensor mean = logits_of_mean(Tensor::from(std::vector<float>{0, -200, -300}, {1, 3}),
                                     Tensor::from(std::vector<float>{-200, 0, -300}, {1, 3}));
  const std::vector<float> logits = mean.to_vector();
  CHECK(logits[0] == Approx(std::log(0.5)));
  CHECK(logits[1] == Approx(std::log(0.5)));
  CHECK(std::isfinite(logits[2]));
}

TEST_CASE("with flips, each picture counts with the mean of its own and its mirror's probabilities", "[fit]") {
  LabelledImages all;
  all.class_names = {"left", "right"};
  all.images = Tensor::from(std::vector<float>{1, 0, 0, 3}, {2, 1, 2, 1});
  all.labels = {0, 1};
  const Dataset data(all);
  Sequential net{Flatten(), Dense(2)};
  net.build({1, 2, 1}, 1);
  net.parameters()[0]->value.copy_from(Tensor::from(std::vector<float>{1, 0, 0, 1}, {2, 2}));
  net.parameters()[1]->value.copy_from(Tensor::from(std::vector<float>{0.5f, 0}, {2}));
  const Evaluation flipped = evaluate(net, data, {.batch = 1, .flips = true});
  const auto of_left = [](double left, double right) { return 1 / (1 + std::exp(right - left - 0.5)); };
  const double first = (of_left(1, 0) + of_left(0, 1)) / 2, second = (of_left(0, 3) + of_left(3, 0)) / 2;
  CHECK(flipped.probabilities[0] == Approx(first));
  CHECK(flipped.probabilities[1] == Approx(1 - first));
  CHECK(flipped.probabilities[2] == Approx(second));
  CHECK(flipped.loss == Approx(-(std::log(first) + std::log(1 - second)) / 2));
  CHECK(flipped.predictions == std::vector<std::int32_t>{0, 0});
  CHECK(flipped.accuracy == 0.5);
  CHECK(evaluate(net, data).predictions == std::vector<std::int32_t>{0, 1});
}

TEST_CASE("early stopping restores the best weights, and the plateau rule lowers the rate", "[fit]") {
  const Dataset data = bars(32, 1), validation = bars(16, 5);
  Sequential net = small_network();
  std::vector<std::vector<std::vector<float>>> after_epoch;
  const History history = fit(net, data,
                              {.epochs = 40,
                               .batch = 16,
                               .optimizer = SGD(0.3),
                               .validation = validation,
                               .callbacks = {EarlyStopping({.patience = 3, .restore_best = true}),
                                             ReduceLROnPlateau({.factor = 0.5, .patience = 2}),
                                             OnEpochEnd([&](Training& training, const EpochRecord&) {
                                               after_epoch.push_back(weights_of(training.model()));
                                             })},
                               .seed = 1});
  REQUIRE(history.epochs.size() < 40);
  CHECK(history.stopped_because.find("val_loss has not improved for 3 epochs") == 0);
  REQUIRE(history.best_epoch == static_cast<int>(history.epochs.size()) - 4);
  CHECK(weights_of(net) == after_epoch[static_cast<std::size_t>(history.best_epoch)]);
  CHECK(history.epochs.front().learning_rate == Approx(0.3));
  const double halvings = std::log2(history.epochs.front().learning_rate / history.epochs.back().learning_rate);
  CHECK(halvings == Approx(std::round(halvings)).margin(1e-6));
  CHECK(halvings >= 1);
}

TEST_CASE("callbacks that watch a validation figure pass over epochs without one, as Keras's do", "[fit]") {
  Sequential net = small_network();
  const History history = fit(net, bars(16, 1),
                              {.epochs = 4,
                               .batch = 16,
                               .callbacks = {EarlyStopping({.patience = 1}), ReduceLROnPlateau({.patience = 1})},
                               .seed = 1});
  CHECK(history.epochs.size() == 4);
  CHECK(history.epochs.back().learning_rate == history.epochs.front().learning_rate);
}

TEST_CASE("class weights and label smoothing change the training loss, not the validation's weights", "[fit]") {
  const Dataset data = bars(16, 1);
  const auto first_loss = [&](FitOptions options) {
    Sequential net{Flatten(), Dense(2, {.kernel_initializer = zeros})};
    options.optimizer = SGD(0.0);
    options.validation = data;
    const History history = fit(net, data, options);
    return std::pair(history.epochs[0].loss, history.epochs[0].val_loss);
  };
  const double even = std::log(2.0);
  CHECK(first_loss({}).first == Approx(even));
  CHECK(first_loss({.class_weights = {3, 1}}).first == Approx(2 * even));
  CHECK(first_loss({.class_weights = {3, 1}}).second == Approx(even));
}

TEST_CASE("a training that turns to NaN stops, says step and layer, and keeps the weights of before", "[fit]") {
  LabelledImages all;
  all.class_names = {"a", "b"};
  std::vector<float> pixels(8 * 4, 0.5f);
  pixels[6 * 4] = std::numeric_limits<float>::quiet_NaN();
  all.images = Tensor::from(pixels, {8, 2, 2, 1});
  all.labels = {0, 1, 0, 1, 0, 1, 0, 1};
  Sequential net{Flatten(), Dense(3, {.activation = relu}), Dense(2)};
  net.build({2, 2, 1}, 1);
  std::vector<std::vector<float>> before_bad_step;
  class Watch : public CallbackModule {
   public:
    explicit Watch(std::vector<std::vector<float>>& kept) : kept_(kept) {}
    void on_batch_end(Training& training) override { kept_ = weights_of(training.model()); }

   private:
    std::vector<std::vector<float>>& kept_;
  };
  CHECK_THROWS_WITH(fit(net, Dataset(all),
                        {.epochs = 2,
                         .batch = 4,
                         .callbacks = {Callback(std::make_shared<Watch>(before_bad_step))},
                         .shuffle = false}),
                    Catch::Contains("epoch 1, step 2") && Catch::Contains("the pictures"));
  CHECK(weights_of(net) == before_bad_step);

  Sequential hot{Flatten(), Dense(3, {.name = "boils"}), Dense(2)};
  hot.build({8, 8, 1}, 1);
  hot.parameters()[0]->value.copy_from(Tensor::full({64, 3}, 3e38f));
  CHECK_THROWS_WITH(fit(hot, bars(8, 1), {.batch = 4}), Catch::Contains("the output of layer boils"));
}

TEST_CASE("what cannot be trained is refused before any work", "[fit]") {
  Sequential net{Flatten(), Dense(2)};
  net.build({8, 8, 1}, 1);
  const Dataset data = bars(8, 1);
  CHECK_THROWS_WITH(fit(net, Dataset(), {}), Catch::Contains("no picture"));
  CHECK_THROWS_WITH(fit(net, data.subset({0, 2}), {}), Catch::Contains("at least two classes"));
  CHECK_THROWS_WITH(fit(net, data, {.batch = 0}), Catch::Contains("batch=0"));
  CHECK_THROWS_WITH(fit(net, data, {.class_weights = {1, 2, 3}}),
                    Catch::Contains("one weight for each of the 2 classes"));
  CHECK_THROWS_WITH(fit(net, data, {.callbacks = {EarlyStopping({.monitor = "val_los"})}}),
                    Catch::Contains("nearest is \"val_loss\""));
  Sequential wide{Flatten(), Dense(3)};
  CHECK_THROWS_WITH(fit(wide, data, {}), Catch::Contains("one logit for each of the 2 classes"));
  Sequential other{Flatten(), Dense(2)};
  other.build({4, 4, 1}, 1);
  CHECK_THROWS_WITH(fit(other, data, {}), Catch::Contains("(4,4,1)") && Catch::Contains("(8,8,1)"));
}

TEST_CASE("a training step of fixed shape allocates nothing after its first runs", "[fit]") {
  const Dataset data = bars(64, 1);
  Sequential net = small_network();
  fit(net, data, {.epochs = 2, .batch = 16, .seed = 1});
  const std::uint64_t before = memory_use(Device::cpu).allocations;
  fit(net, data, {.epochs = 2, .batch = 16, .seed = 1});
  CHECK(memory_use(Device::cpu).allocations == before);
}
