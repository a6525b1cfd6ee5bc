// What every command can be told. Each struct lists its options once, in visit(): the command line, config.json and the
// help are made from that list.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mien/kernels/error.h"

namespace mien::expressions {

/// Wrong usage: an option or a config key that does not exist, or a value out of its range. Exit code 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Options that every command has.
struct OutputOptions {
  bool json = false;
  bool quiet = false;
  int threads = 0;

  template <class Visitor>
  void visit(Visitor&& option) {
    option("json", json, "print the result as one JSON object");
    option("quiet", quiet, "no progress on stderr");
    option("threads", threads, "CPU threads; 0: as many as the machine has. Results do not depend on it");
  }
};

struct TrainOptions {
  std::string data = {}, out = {};
  std::string split = "random";
  std::string shares = "0.6,0.2,0.2", counts = {};
  std::string group_pattern = {};
  std::string groups_csv = {};
  int size = 256;
  std::string framing = "centre", colour = "auto";
  int epochs = 100, patience = 10, batch = 64;
  double learning_rate = 1e-3;
  std::string augment = "none";
  std::string network = "best";
  std::string base = {}, weights = {}, pretrain = "none";
  double alpha = 1;
  std::string base_input = "own", head = "pooled";
  int views = 1, fine_tune = 0, fine_tune_epochs = 20;
  double fine_tune_rate = 1e-4;
  std::string feature_cache = {};
  int pretrain_people = 200, pretrain_takes = 4, pretrain_epochs = 15;
  std::string recipe = "report";
  std::string schedule = "constant";
  double weight_decay = 0, label_smoothing = 0, mixup = 0;
  std::string flips = "off", keep = "best";
  std::uint64_t seed = 1;
  std::string device = "cpu";

  template <class Visitor>
  void visit(Visitor&& option) {
    option("data", data, "folder of photographs, one subfolder a class");
    option("out", out, "folder for the run");
    option("split", split, "random: by picture; group: no person on two sides");
    option("shares", shares, "shares of training, validation and test");
    option("counts", counts, "or pictures of each class on the three sides: 120,40,40");
    option("group-pattern", group_pattern,
           "regular expression whose first group is the person in a file's name. Without it, names like "
           "happy_g007_02.png are understood");
    option("groups-csv", groups_csv, "or a CSV file with the columns file and group");
    option("size", size, "side of the pictures in pixels");
    option("framing", framing, "centre: the largest square; whole: the whole frame, pressed to a square");
    option(
        "colour", colour,
        "grey; rgb; auto: rgb for a base where every photograph has colour, else grey, for colour that only some have "
        "tells where they come from");
    option("epochs", epochs, "epochs at most");
    option("patience", patience, "epochs without a better val_loss after which training ends");
    option("batch", batch, "pictures in a step");
    option("learning-rate", learning_rate, "of Adam");
    option("augment", augment,
           "how strongly pictures are changed, anew in each epoch: none, smallest, smaller, small, small_plain or "
           "faces");
    option("network", network,
           "best: the report's; or attempt_1 to 3, baseline, overfit, label_as_input, l2, dropout, "
           "batch_norm, all_three, small_face");
    option("base", base,
           "a pretrained base, whose features a head learns on, in place of --network: inception_v3, densenet121, "
           "vgg16, mobilenet_v2, xception or resnet50");
    option("weights", weights, "file with the base's weights; `expressions weights` gets those that Keras publishes");
    option("pretrain", pretrain,
           "synthetic: no weights file; the base learns from faces that the program draws first (without --base: "
           "mobilenet_v2 with alpha 0.35 at size 96)");
    option("alpha", alpha, "of the base mobilenet_v2: its numbers of filters times this");
    option("base-input", base_input,
           "own: pixels as the base's weights expect them; unit: pixels / 255, as the report");
    option("head", head, "behind the base. pooled: the mean over each map, dropout; report: Flatten, Dense 256");
    option("views", views,
           "of each training photograph for the base: itself, and so many less one changed by --augment");
    option("fine-tune", fine_tune, "so many last blocks of the base learn too, when the head has; 0: none");
    option("fine-tune-epochs", fine_tune_epochs, "epochs of that at most");
    option("fine-tune-rate", fine_tune_rate, "learning rate of that");
    option("feature-cache", feature_cache,
           "folder where the base's features are kept for other runs. Without it: features, beside the run's folder");
    option("pretrain-people", pretrain_people, "of --pretrain: how many people are drawn");
    option("pretrain-takes", pretrain_takes, "of --pretrain: pictures of each expression of each person");
    option("pretrain-epochs", pretrain_epochs, "of --pretrain: epochs on them");
    option("recipe", recipe,
           "report: the options as they stand here; best: those of a better training (docs/a_better_recipe.md), "
           "except the ones that are given");
    option("schedule", schedule, "of the learning rate. constant; cosine: up in three epochs, then down to nearly 0");
    option("weight-decay", weight_decay, "share of each weight that goes in a step of learning rate 1; above 0: AdamW");
    option("label-smoothing", label_smoothing, "share of each target that is spread over all classes");
    option("mixup", mixup, "above 0: trains on mixed pictures, their shares drawn from Beta(mixup, mixup)");
    option("flips", flips, "on: a picture is scored together with its mirror image");
    option("keep", keep, "the weights that are kept: best: of the epoch with the best val_loss; last");
    option("seed", seed, "of the split, the weights, the order and the augmentation");
    option("device", device, "cpu, cuda or cuda_emulated");
  }
};

struct TrainCommand {
  TrainOptions options;
  std::string config, resume;
  std::vector<std::string> given = {};  ///< names of those of `options` that were given
};

struct SynthOptions {
  std::string out;
  int people = 40, takes = 5, size = 256;
  std::uint64_t seed = 1;

  template <class Visitor>
  void visit(Visitor&& option) {
    option("people", people, "how many people");
    option("takes", takes, "pictures of each expression of each person");
    option("size", size, "side of the pictures in pixels");
    option("seed", seed, "of everything that is drawn");
  }
};

struct PrepareOptions {
  std::string in, out;
  int size = 256;
  std::string framing = "centre", colour = "grey";
  double blur_threshold = 3;

  template <class Visitor>
  void visit(Visitor&& option) {
    option("size", size, "side of the pictures in pixels");
    option("framing", framing, "centre: the largest square; whole: the whole frame, pressed to a square");
    option("colour", colour, "grey, as the program's own networks read pictures; rgb: for a pretrained base");
    option("blur-threshold", blur_threshold,
           "variance of the Laplacian under which a picture counts as blurred; 0 keeps all");
  }
};

struct EvaluateOptions {
  std::string run, data;
  int batch = 0;

  template <class Visitor>
  void visit(Visitor&& option) {
    option("data", data, "folder of photographs, one subfolder a class. Without it: the test side of the run's own");
    option("batch", batch, "pictures in a step; 0: 64, or 16 for a pretrained base, whose maps are large");
  }
};

struct PredictOptions {
  std::string run;
  std::vector<std::string> photos;
};

struct ExplainOptions {
  std::string run;
  std::vector<std::string> photos;
  std::string out = "explained", class_name, layer;
  int window = 0;

  template <class Visitor>
  void visit(Visitor&& option) {
    option("out", out, "folder for the page explain.html and the pictures");
    option("class", class_name,
           "class whose evidence is looked for. Without it: the one that each photograph is taken for");
    option("layer", layer, "layer that Grad-CAM looks at. Without it: the last convolution");
    option("window", window, "side of the square that is laid over the picture, in pixels; 0: an eighth of its side");
  }
};

struct WeightsOptions {
  std::string action = "list", name;
  std::string weights_dir = "weights", from;

  template <class Visitor>
  void visit(Visitor&& option) {
    option("weights-dir", weights_dir, "folder for the files");
    option("from", from, "address of a mirror, in the place of Keras's own");
  }
};

struct DemoOptions {
  std::string out = "expressions-demo";
  int people = 40, takes = 5, size = 256, epochs = 20, patience = 5, batch = 32;
  std::uint64_t seed = 1;

  template <class Visitor>
  void visit(Visitor&& option) {
    option("out", out, "folder for the run");
    option("people", people, "how many people are drawn");
    option("takes", takes, "pictures of each expression of each person");
    option("size", size, "side of the pictures in pixels");
    option("epochs", epochs, "epochs at most");
    option("patience", patience, "epochs without a better val_loss after which training ends");
    option("batch", batch, "pictures in a step");
    option("seed", seed, "of the faces, the split, the weights and the order");
  }
};

struct StudyOptions {
  std::string data = {}, out = {};
  bool synthetic = false;
  std::string split = "both", method = "sound", sections = "all", budget = "auto";
  int seeds = 2, epochs = 60, patience = 15, batch = 64;
  int size = 256;
  std::string framing = "centre", group_pattern = {}, groups_csv = {};
  int people = 40, takes = 5;
  std::uint64_t face_seed = 1;
  std::string weights_dir = "weights", pretrain = "none";
  int pretrain_people = 200, pretrain_takes = 4, pretrain_epochs = 15;
  std::string plan = {};
  bool dry_run = false, brief = false;

  template <class Visitor>
  void visit(Visitor&& option) {
    option("data", data, "folder of photographs, one subfolder a class");
    option("synthetic", synthetic, "or drawn faces: no data needed");
    option("out", out, "folder for the study; one that was stopped goes on there");
    option("split", split, "random: by picture, as the report; group: no person on two sides; both");
    option("method", method,
           "sound: the best epoch is scored, L2 on weights; report: the last epoch, L2 on outputs; both");
    option("seeds", seeds, "trainings of each kind");
    option("epochs", epochs, "epochs at most (section 3: 25)");
    option("patience", patience, "epochs without a better val_loss after which a training ends");
    option("budget", budget,
           "time that the study may take, 30m or 1h30m: picks seeds and epochs to fit; none; auto: 45m, or none where "
           "seeds, method, epochs or patience are named");
    option("sections", sections, "sections of the report, such as 4,5; or all");
    option(
        "weights-dir", weights_dir,
        "of section 7: folder of the files that `expressions weights get` fetches. Without a base's file its row says "
        "so");
    option("pretrain", pretrain,
           "of section 7. synthetic: also a small MobileNetV2 that is pretrained on faces drawn by the program");
    option("pretrain-people", pretrain_people, "of --pretrain: how many people are drawn");
    option("pretrain-takes", pretrain_takes, "of --pretrain: pictures of each expression of each person");
    option("pretrain-epochs", pretrain_epochs, "of --pretrain: epochs on them");
    option("plan", plan, "a plan.json of another study of the same pictures, to train the very same");
    option("dry-run", dry_run, "print the plan and how long it takes; train nothing");
    option("brief", brief, "a small report: plots and mistakes of the best network and the recipe only");
    option("batch", batch, "pictures in a step");
    option("size", size, "side of the pictures in pixels");
    option("framing", framing, "centre: the largest square; whole: the whole frame, pressed to a square");
    option("group-pattern", group_pattern, "regular expression whose first group is the person in a file's name");
    option("groups-csv", groups_csv, "or a CSV file with the columns file and group");
    option("people", people, "of drawn faces: how many people");
    option("takes", takes, "of drawn faces: pictures of each expression of each person");
    option("face-seed", face_seed, "of drawn faces");
  }
};

struct StudyCommand {
  StudyOptions options;
  std::vector<std::string> given = {};  ///< names of those of `options` that were given
};

}  // namespace mien::expressions
