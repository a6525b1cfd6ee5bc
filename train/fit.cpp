#include "mien/train/fit.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "mien/core/autograd.h"
#include "mien/core/ops/affine.h"
#include "mien/core/ops/argmax.h"
#include "mien/core/ops/binary.h"
#include "mien/core/ops/reduce.h"
#include "mien/core/ops/reshape.h"
#include "mien/core/ops/scale_bytes.h"
#include "mien/core/ops/softmax.h"
#include "mien/core/ops/softmax_cross_entropy.h"
#include "mien/data/loader.h"
#include "mien/data/mixup.h"
#include "mien/kernels/error.h"
#include "mien/train/flips.h"

namespace mien {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// A batch of pictures on the device, as the network takes them.
Tensor to_input(const Tensor& images, float scale, Device device) {
  const Tensor there = images.to(device);
  return there.dtype() == DType::uint8 ? scale_bytes(there, scale, 0) : there;
}

int count_right(const Tensor& logits, const Tensor& labels) {
  const std::vector<std::int32_t> predicted = argmax(logits.detach()).to_vector<std::int32_t>();
  const std::vector<std::int32_t> wanted = labels.to_vector<std::int32_t>();
  int right = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) right += predicted[i] == wanted[i];
  return right;
}

bool all_finite(const Tensor& tensor) {
  for (float value : tensor.to_vector())
    if (!std::isfinite(value)) return false;
  return true;
}

void check_fits(const Model& net, const Dataset& data, const char* role) {
  check(!data.empty(), "fit", "the ", role, " set holds no picture.");
  check(net.input_shapes().size() == 1 && net.output_shapes().size() == 1, "fit",
        "fit() trains networks with one input and one output. Got ", net.input_shapes().size(), " and ",
        net.output_shapes().size(), ".");
  check(net.input_shapes()[0] == data.image_shape(), "fit", "the network takes pictures of shape ",
        net.input_shapes()[0], ". The ", role, " set has ", data.image_shape(), ".");
  check(net.output_shapes()[0] == Shape{data.class_count()}, "fit", "the network must give one logit for each of the ",
        data.class_count(), " classes. Got an output of shape ", net.output_shapes()[0], ".");
}

class Trainer : public Training {
 public:
  Trainer(Model& net, const Dataset& data, FitOptions options)
      : net_(net),
        options_(std::move(options)),
        loader_(data, {.batch = options_.batch,
                       .shuffle = options_.shuffle,
                       .seed = options_.seed,
                       .augment = options_.augment,
                       .augmented_scale = data.dtype() == DType::uint8 ? options_.input_scale : 1}) {
    check(options_.epochs >= 0, "fit", "epochs must be at least 0. Got ", options_.epochs, ".");
    check_fits(net, data, "training");
    if (!options_.validation.empty()) check_fits(net, options_.validation, "validation");
    check(options_.class_weights.empty() || static_cast<int>(options_.class_weights.size()) == data.class_count(),
          "fit", "there must be one weight for each of the ", data.class_count(), " classes. Got ",
          options_.class_weights.size(), ".");
    check(options_.mixup >= 0 && std::isfinite(options_.mixup), "fit", "mixup must be finite and at least 0. Got ",
          options_.mixup, ".");
    int classes_present = 0;
    for (int count : data.class_counts()) classes_present += count > 0;
    check(classes_present >= 2, "fit", "pictures of at least two classes are needed to learn to tell them apart. Got ",
          classes_present, ".");
    if (!net_.is_initialized()) net_.initialize(options_.seed);
    net_.to(options_.device);
    if (!options_.class_weights.empty())
      class_weights_ = Tensor::from(options_.class_weights, {data.class_count()}, options_.device);
    step_ = Tensor::from(std::vector<std::int32_t>{0}, {1}, options_.device);
    std::vector<Tensor> weights;
    for (const auto& parameter : net_.trainable_parameters()) weights.push_back(parameter->value);
    options_.optimizer.bind(weights);
    if (options_.resume) restore(*options_.resume);
  }

  History run() {
    for (const Callback& callback : options_.callbacks) callback->on_train_begin(*this);
    while (!stopping_ && epoch_ < options_.epochs && run_epoch()) {
    }
    show_averages(true);
    if (!history_.interrupted && history_.stopped_because.empty())
      history_.stopped_because = join("all ", options_.epochs, " epochs are done");
    for (const Callback& callback : options_.callbacks) callback->on_train_end(*this);
    return std::move(history_);
  }

  Model& model() override { return net_; }
  Optimizer& optimizer() override { return options_.optimizer; }
  History& history() override { return history_; }
  int epoch() const override { return epoch_; }
  int epochs() const override { return options_.epochs; }
  int batch() const override { return batch_; }
  int batches() const override { return loader_.batch_count(); }
  int images() const override { return images_; }
  int images_in_epoch() const override { return loader_.dataset().size(); }
  double running_loss() const override { return images_ ? loss_sum_ / images_ : 0; }
  double running_accuracy() const override { return images_ ? static_cast<double>(right_) / images_ : 0; }
  void stop(const std::string& because) override {
    stopping_ = true;
    history_.stopped_because = because;
  }

  TrainingState state() override {
    const bool averages = averages_shown_;
    show_averages(false);
    TrainingState state;
    for (const auto& parameter : net_.parameters()) state.set("weights/" + parameter->full_name, parameter->value);
    for (const NamedTensor& slot : options_.optimizer.state()) state.set("optimizer/" + slot.name, slot.value);
    state.set("optimizer.learning_rate", options_.optimizer.learning_rate());
    state.set("optimizer.iterations", options_.optimizer.iterations());
    state.set("fit.epoch", std::int64_t{epoch_});
    state.set("fit.batch", std::int64_t{batch_});
    state.set("fit.images", std::int64_t{images_});
    state.set("fit.right", std::int64_t{right_});
    state.set("fit.loss_sum", loss_sum_);
    state.set("fit.steps", steps_);
    state.set("fit.stopped_because", history_.stopped_because);
    state.set("history.epochs", static_cast<std::int64_t>(history_.epochs.size()));
    for (std::size_t i = 0; i < history_.epochs.size(); ++i) {
      const EpochRecord& record = history_.epochs[i];
      const auto put = [&](const char* what, double value) { state.set(join("history.", i, ".", what), value); };
      put("loss", record.loss), put("accuracy", record.accuracy);
      put("val_loss", record.val_loss), put("val_accuracy", record.val_accuracy);
      put("learning_rate", record.learning_rate), put("seconds", record.seconds);
      put("images_per_second", record.images_per_second);
    }
    for (const Callback& callback : options_.callbacks) callback->save(state);
    show_averages(averages);
    return state;
  }

 private:
  void restore(const TrainingState& state) {
    for (const auto& parameter : net_.parameters()) {
      const Tensor saved = state.tensor("weights/" + parameter->full_name);
      check(saved.shape() == parameter->value.shape(), "checkpoint", parameter->full_name, " has the shape ",
            parameter->value.shape(), " in the network and ", saved.shape(), " in the checkpoint.");
      parameter->value.copy_from(saved);
    }
    options_.optimizer.load_state(state.tensors_under("optimizer/"), state.number("optimizer.learning_rate"),
                                  state.integer("optimizer.iterations"));
    epoch_ = static_cast<int>(state.integer("fit.epoch"));
    batch_ = static_cast<int>(state.integer("fit.batch"));
    images_ = static_cast<int>(state.integer("fit.images"));
    right_ = static_cast<int>(state.integer("fit.right"));
    loss_sum_ = state.number("fit.loss_sum");
    steps_ = state.integer("fit.steps");
    history_.stopped_because = state.text("fit.stopped_because");
    stopping_ = !history_.stopped_because.empty();
    for (std::int64_t i = 0; i < state.integer("history.epochs"); ++i) {
      const auto get = [&](const char* what) { return state.number(join("history.", i, ".", what)); };
      history_.epochs.push_back({static_cast<int>(i), get("loss"), get("accuracy"), get("val_loss"),
                                 get("val_accuracy"), get("learning_rate"), get("seconds"), get("images_per_second")});
    }
    for (const Callback& callback : options_.callbacks) callback->restore(state);
  }

  /// Puts the running means of the weights into the network, or the weights back, where an optimizer keeps means.
  void show_averages(bool on) {
    if (on == averages_shown_ || !options_.optimizer.has_averages()) return;
    options_.optimizer.swap_averages();
    averages_shown_ = on;
  }

  /// False where the training was asked to stop in the middle.
  bool run_epoch() {
    const Clock::time_point start = Clock::now();
    show_averages(false);
    const int images_before = images_;
    const double rate = options_.optimizer.learning_rate();
    loader_.run(
        epoch_,
        [&](const Batch& batch) {
          train_on(batch);
          for (const Callback& callback : options_.callbacks) callback->on_batch_end(*this);
          history_.interrupted = options_.should_stop && options_.should_stop();
          return !history_.interrupted;
        },
        batch_);
    show_averages(true);
    if (history_.interrupted && batch_ < batches()) {
      for (const Callback& callback : options_.callbacks) callback->on_checkpoint(*this);
      return false;
    }
    EpochRecord record{epoch_, running_loss(), running_accuracy()};
    record.images_per_second = (images_ - images_before) / std::max(seconds_since(start), 1e-9);
    record.val_loss = record.val_accuracy = std::numeric_limits<double>::quiet_NaN();
    record.learning_rate = rate;
    record.validated = !options_.validation.empty();
    if (!options_.validation.empty()) {
      const Evaluation validation = evaluate(net_, options_.validation,
                                             {.batch = options_.batch,
                                              .input_scale = options_.input_scale,
                                              .label_smoothing = options_.label_smoothing,
                                              .flips = options_.validation_flips});
      record.val_loss = validation.loss;
      record.val_accuracy = validation.accuracy;
    }
    record.seconds = seconds_since(start);
    history_.epochs.push_back(record);
    for (const Callback& callback : options_.callbacks) callback->on_epoch_end(*this, record);
    ++epoch_;
    batch_ = images_ = right_ = 0;
    loss_sum_ = 0;
    for (const Callback& callback : options_.callbacks) callback->on_checkpoint(*this);
    return !history_.interrupted;
  }

  struct Forward {
    Tensor logits, loss;
  };
  /// What the network is trained on in one step: a batch as the loader gives it, or mixed.
  struct Lesson {
    Tensor images, labels;
    float share = 1;  ///< of `labels` in the loss; the rest is the partners'
    Tensor partners;
  };
  Lesson lesson_of(const Batch& batch) const {
    Lesson lesson;
    lesson.images = batch.images;
    lesson.labels = batch.labels.to(options_.device);
    if (options_.mixup == 0) return lesson;
    const Mixup mixup = draw_mixup(options_.mixup, static_cast<int>(batch.indices.size()), options_.seed, steps_);
    lesson.images = mixed(batch.images, mixup, batch.images.dtype() == DType::uint8 ? options_.input_scale : 1);
    lesson.share = mixup.share;
    lesson.partners = partner_labels(batch.labels, mixup).to(options_.device);
    return lesson;
  }

  Forward forward(const Lesson& lesson, Call call) {
    std::vector<Tensor> activity;
    call.training = true;
    call.seed = options_.seed;
    call.step = step_;
    call.penalties = &activity;
    Forward result;
    result.logits = net_.forward(to_input(lesson.images, options_.input_scale, options_.device), call);
    const auto loss_of = [&](const Tensor& labels) {
      return mean(softmax_cross_entropy(
          result.logits, labels, {.label_smoothing = options_.label_smoothing, .class_weights = class_weights_}));
    };
    result.loss = loss_of(lesson.labels);
    if (lesson.partners.defined())
      result.loss = add(affine(result.loss, lesson.share), affine(loss_of(lesson.partners), 1 - lesson.share));
    if (const Tensor penalty = net_.penalty(activity); penalty.defined())
      result.loss = add(result.loss, reshape(penalty, result.loss.shape()));
    return result;
  }

  void train_on(const Batch& batch) {
    const auto step = static_cast<std::int32_t>(steps_);
    step_.copy_from_host(&step, 1, DType::int32);
    const Lesson lesson = lesson_of(batch);
    const Forward pass = forward(lesson, {});
    backward(pass.loss);
    options_.optimizer.step();
    const double loss = pass.loss.item();
    if (!std::isfinite(loss) || !options_.optimizer.last_step_finite()) fail_not_finite(lesson, loss);
    for (const auto& parameter : net_.trainable_parameters()) parameter->value.clear_grad();
    const auto count = static_cast<int>(batch.indices.size());
    loss_sum_ += loss * count;
    right_ += count_right(pass.logits, lesson.labels);
    images_ += count;
    ++batch_;
    ++steps_;
    history_.batch_losses.push_back(loss);
  }

  /// Runs the batch again with a look at every value, and throws Error saying where the first bad one is. The optimizer
  /// has refused the step, so the weights are still those of before.
  [[noreturn]] void fail_not_finite(const Lesson& lesson, double loss) {
    std::string where;
    for (const auto& parameter : net_.parameters())
      if (where.empty() && !all_finite(parameter->value)) where = "the weight " + parameter->full_name;
    if (where.empty() && lesson.images.dtype() == DType::float32 && !all_finite(lesson.images)) where = "the pictures";
    std::string gradient;
    for (const auto& parameter : net_.trainable_parameters())
      if (const Tensor g = parameter->value.grad(); g.defined() && !all_finite(g)) gradient = parameter->full_name;
    if (where.empty()) {
      Call call;
      call.observer = [&](std::string_view layer, const Tensor& y) {
        if (where.empty() && !all_finite(y)) where = join("the output of layer ", layer);
      };
      const NoGrad no_grad;
      forward(lesson, call);
    }
    if (where.empty() && !gradient.empty()) where = "the gradient of " + gradient;
    if (where.empty()) where = "the loss itself";
    fail("fit", "the training is not finite in epoch ", epoch_ + 1, ", step ", batch_ + 1, " (loss ", loss,
         "). The first NaN or infinity is in ", where,
         ". The step was not taken; the weights are those of before it. A smaller learning rate or clipping may help.");
  }

  Model& net_;
  FitOptions options_;
  Loader loader_;
  Tensor class_weights_, step_;
  History history_;
  int epoch_ = 0, batch_ = 0, images_ = 0, right_ = 0;
  double loss_sum_ = 0;
  std::int64_t steps_ = 0;
  bool stopping_ = false;
  bool averages_shown_ = false;  ///< the network holds the running means, the optimizer the weights
};

}  // namespace

History fit(Model& net, const Dataset& data, FitOptions options) {
  return Trainer(net, data, std::move(options)).run();
}

History fit(Sequential& net, const Dataset& data, FitOptions options) {
  check(!data.empty(), "fit", "the training set holds no picture.");
  if (!net.is_built()) net.build(data.image_shape(), options.seed);
  return fit(static_cast<Model&>(net), data, std::move(options));
}

Evaluation evaluate(const Model& net, const Dataset& data, EvaluateOptions options) {
  check_fits(net, data, "evaluation");
  const NoGrad no_grad;
  const Device device = net.device();
  Evaluation result;
  double loss_sum = 0;
  int right = 0;
  const Loader loader(data, {.batch = options.batch, .shuffle = false});
  loader.run(0, [&](const Batch& batch) {
    std::vector<Tensor> activity;
    Call call;
    call.penalties = &activity;
    const Tensor labels = batch.labels.to(device);
    Tensor logits = net.forward(to_input(batch.images, options.input_scale, device), call);
    if (options.flips) {
      call.penalties = nullptr;
      logits = logits_of_mean(logits, net.forward(to_input(mirrored(batch.images), options.input_scale, device), call));
    }
    const Tensor losses = softmax_cross_entropy(logits, labels, {.label_smoothing = options.label_smoothing});
    double loss = mean(losses).item();
    if (const Tensor penalty = net.penalty(activity); penalty.defined()) loss += penalty.item();
    loss_sum += loss * static_cast<double>(batch.indices.size());
    right += count_right(logits, labels);
    for (std::int32_t label : labels.to_vector<std::int32_t>()) result.labels.push_back(label);
    for (std::int32_t predicted : argmax(logits).to_vector<std::int32_t>()) result.predictions.push_back(predicted);
    for (float probability : softmax(logits).to_vector()) result.probabilities.push_back(probability);
    return true;
  });
  result.loss = loss_sum / data.size();
  result.accuracy = static_cast<double>(right) / data.size();
  return result;
}

}  // namespace mien
