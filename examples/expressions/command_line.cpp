#include "command_line.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>

#include "commands.h"
#include "mien/core/build_info.h"
#include "mien/core/device.h"
#include "mien/core/nearest_name.h"

namespace mien::expressions {
namespace {

/// Adds the options of a struct to a command.
template <class Options>
void add_options(CLI::App& command, Options& options) {
  options.visit([&](const std::string& name, auto& field, const std::string& help) {
    if constexpr (std::is_same_v<decltype(field), bool&>)
      command.add_flag("--" + name, field, help);
    else
      command.add_option("--" + name, field, help)->capture_default_str()->take_last();
  });
}

/// Names of the options that stand on the command line.
template <class Options>
std::vector<std::string> given(const CLI::App& command, Options& options) {
  std::vector<std::string> names;
  options.visit([&](const std::string& name, auto&, const std::string&) {
    if (command.count("--" + name) > 0) names.push_back(name);
  });
  return names;
}

/// Throws UsageError for what no option or argument has taken; with the nearest name there is.
void check_all_taken(const CLI::App& command) {
  for (const std::string& text : command.remaining()) {
    if (text.empty() || text[0] != '-') continue;
    const std::string name = text.substr(0, text.find('='));
    std::vector<std::string> names;
    for (const CLI::Option* option : command.get_options()) names.push_back("--" + option->get_single_name());
    throw UsageError(join("[", command.get_name(), "] there is no option ", name, ". The nearest is ",
                          nearest_name(name, names), "."));
  }
  if (!command.remaining().empty())
    throw UsageError(join("[", command.get_name(), "] \"", command.remaining().front(), "\" belongs to no option."));
}

void check_given(const std::string& value, const char* command, const char* what) {
  if (value.empty())
    throw UsageError(join("[", command, "] ", what, " is missing. See expressions ", command, " --help."));
}

/// One command: its CLI11 part, and what runs it.
struct Command {
  CLI::App* app;
  std::function<int()> run;
};

/// The whole command line.
class CommandLine {
 public:
  CommandLine() {
    app_.name("expressions");
    app_.description(
        "Learns facial expressions from photographs: one folder a class in, a classifier and a report out.");
    app_.set_version_flag("--version", join("expressions ", build_info().version, " (", build_info().commit, ")"));
    app_.allow_extras();
    app_.footer(
        "Every command has --help with examples. Results go to stdout, progress to stderr.\n"
        "Exit codes: 0 done, 1 the work failed, 2 wrong usage, 130 stopped by Ctrl-C.\n\n"
        "Examples:\n"
        "  expressions demo\n"
        "  expressions prepare photos faces && expressions train --data faces --out runs/first");

    CLI::App& synth_app = add("synth", "Draws synthetic faces: no download, no photographs of anybody.",
                              "  expressions synth drawn --people 40 --takes 5\n"
                              "  expressions synth small --people 10 --takes 2 --size 64 --seed 7",
                              [this] {
                                check_given(synth_.out, "synth", "the folder to write to");
                                return synth(synth_, output_);
                              });
    synth_app.add_option("OUT", synth_.out, "folder to write OUT/CLASS/CLASS_gPERSON_TAKE.png to");
    add_options(synth_app, synth_);

    CLI::App& prepare_app = add(
        "prepare", "Makes square pictures of photographs, grey or in colour; sets blurred and unreadable ones aside.",
        "  expressions prepare photos faces\n"
        "  expressions prepare photos faces --size 128 --framing whole --blur-threshold 0",
        [this] {
          check_given(prepare_.in, "prepare", "the folder of photographs");
          check_given(prepare_.out, "prepare", "the folder to write to");
          return prepare(prepare_, output_);
        });
    prepare_app.add_option("IN", prepare_.in, "folder of photographs, one subfolder a class");
    prepare_app.add_option("OUT", prepare_.out, "folder to write to");
    add_options(prepare_app, prepare_);

    CLI::App& train_app = add("train", "Trains the network on a folder of photographs and writes a run folder.",
                              "  expressions train --data faces --out runs/first\n"
                              "  expressions train --data faces --out runs/people --split group --counts 120,40,40\n"
                              "  expressions train --resume runs/first\n"
                              "  expressions train --config runs/first/config.json --out runs/again",
                              [this] {
                                train_.given = given(*commands_.at(train_index_).app, train_.options);
                                return train(train_, output_);
                              });
    train_index_ = commands_.size() - 1;
    add_options(train_app, train_.options);
    train_app.add_option("--config", train_.config,
                         "JSON file with any of these options; those on the command line win");
    train_app.add_option("--resume", train_.resume, "go on with a run that was stopped, to the same bits");

    CLI::App& study_app =
        add("study", "Redoes the 2021 report: trains and compares its models, and writes every table and figure.",
            "  expressions study --synthetic --out S --dry-run\n"
            "  expressions study --data faces --out S --budget 60m\n"
            "  expressions study --out S   (goes on with a study that was stopped)\n"
            "  expressions study --data faces --out night --seeds 5 --method both --epochs 100 --patience 30",
            [this] {
              study_.given = given(*commands_.at(study_index_).app, study_.options);
              return run_study(study_, output_);
            });
    study_index_ = commands_.size() - 1;
    add_options(study_app, study_.options);

    CLI::App& evaluate_app = add("evaluate", "Tells how good a trained network is on a folder of photographs.",
                                 "  expressions evaluate runs/first --data other_faces\n"
                                 "  expressions evaluate runs/first --json",
                                 [this] {
                                   check_given(evaluate_.run, "evaluate", "the run folder or weights file");
                                   return evaluate(evaluate_, output_);
                                 });
    evaluate_app.add_option("RUN", evaluate_.run, "run folder, or a weights file of one");
    add_options(evaluate_app, evaluate_);

    CLI::App& predict_app = add("predict", "Tells the expression on photographs, with the probability of each class.",
                                "  expressions predict runs/first photo.jpg\n"
                                "  expressions predict best.safetensors *.jpg --json",
                                [this] {
                                  check_given(predict_.run, "predict", "the run folder or weights file");
                                  check_given(predict_.photos.empty() ? "" : "given", "predict", "the photograph");
                                  return predict(predict_, output_);
                                });
    predict_app.add_option("RUN", predict_.run, "run folder, or a weights file of one");
    predict_app.add_option("PHOTO", predict_.photos, "photographs");

    CLI::App& explain_app =
        add("explain", "Shows what the network sees in photographs: Grad-CAM, occlusion map, feature maps, filters.",
            "  expressions explain runs/first photo.jpg --out explained\n"
            "  expressions explain best.safetensors *.jpg --out explained --class happy --layer conv2d_3",
            [this] {
              check_given(explain_.run, "explain", "the run folder or weights file");
              check_given(explain_.photos.empty() ? "" : "given", "explain", "the photograph");
              return explain(explain_, output_);
            });
    explain_app.add_option("RUN", explain_.run, "run folder, or a weights file of one");
    explain_app.add_option("PHOTO", explain_.photos, "photographs");
    add_options(explain_app, explain_);

    CLI::App& weights_app =
        add("weights", "Lists, downloads and checks the weights that Keras publishes for six networks.",
            "  expressions weights list\n"
            "  expressions weights get resnet50 --weights-dir weights\n"
            "  expressions weights check weights/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
            [this] { return weights(weights_, output_); });
    weights_app.add_option("ACTION", weights_.action,
                           "list, get (the only thing in this program that uses the network) or check");
    weights_app.add_option("NAME", weights_.name, "what to get (see list), or the file to check");
    add_options(weights_app, weights_);

    add("info", "What this program is made of, what it runs on, and what was decided about CUDA.",
        "  expressions info\n  expressions info --json", [this] { return info(output_); });

    CLI::App& demo_app = add("demo", "Draws faces, trains on them and writes a report: a few minutes, no data needed.",
                             "  expressions demo\n  expressions demo --people 80 --out demo-large",
                             [this] { return demo(demo_, output_); });
    add_options(demo_app, demo_);
  }

  int run(int count, char** arguments) {
    try {
      app_.parse(count, arguments);
    } catch (const CLI::Success& request) {  // --help, --version
      return app_.exit(request);
    } catch (const CLI::ParseError& error) {
      throw UsageError(error.what());
    }
    for (const Command& command : commands_)
      if (command.app->parsed()) {
        check_all_taken(*command.app);
        if (output_.threads < 0) throw UsageError(join("[threads] must be at least 0. Got ", output_.threads, "."));
        if (output_.threads > 0) set_threads(output_.threads);
        return command.run();
      }
    if (!app_.remaining().empty()) reject_command(app_.remaining().front());
    std::cout << app_.help();
    return 2;
  }

 private:
  CLI::App& add(const std::string& name, const std::string& description, const std::string& examples,
                std::function<int()> run) {
    CLI::App* app = app_.add_subcommand(name, description);
    app->allow_extras();
    app->footer("Examples:\n" + examples);
    add_options(*app, output_);
    commands_.push_back({app, std::move(run)});
    return *app;
  }

  [[noreturn]] void reject_command(const std::string& text) const {
    std::vector<std::string> names;
    for (const Command& command : commands_) names.push_back(command.app->get_name());
    if (text[0] == '-') names = {"--help", "--version"};
    throw UsageError(join("[expressions] there is no ", text[0] == '-' ? "option " : "command ", text,
                          ". The nearest is ", nearest_name(text, names), "."));
  }

  CLI::App app_;
  std::vector<Command> commands_;
  std::size_t train_index_ = 0, study_index_ = 0;
  OutputOptions output_;
  SynthOptions synth_;
  PrepareOptions prepare_;
  TrainCommand train_;
  StudyCommand study_;
  EvaluateOptions evaluate_;
  PredictOptions predict_;
  ExplainOptions explain_;
  WeightsOptions weights_;
  DemoOptions demo_;
};

}  // namespace

int run(int count, char** arguments) {
  try {
    return CommandLine().run(count, arguments);
  } catch (const UsageError& error) {
    std::cerr << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}

}  // namespace mien::expressions
