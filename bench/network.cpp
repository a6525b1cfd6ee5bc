// bench_network: whole networks, training and inference. By itself it measures and prints one JSON object; with --serve
// it reads a command a line on stdin and answers each with one line of JSON, so that bench/peers/run.py can run it and
// the other frameworks turn by turn.
#include <CLI/CLI.hpp>
#include <iostream>
#include <sstream>

#include "mien/bench/network_run.h"
#include "mien/core/build_info.h"
#include "mien/examples/expressions/environment.h"

namespace mien::bench {
namespace {

using Json = nlohmann::json;

const char* const serve_help =
    "With --serve, a command a line:\n"
    "  train N           N training steps, going on where the last ended: seconds and losses of each\n"
    "  infer N BATCH     N passes over the first BATCH pictures: seconds of each\n"
    "  logits BATCH      class scores of the first BATCH pictures\n"
    "  fit N             trains N epochs; what comes out is the start that reset goes back to\n"
    "  reset             back to the weights at the start, a fresh optimizer and the first batch\n"
    "  rate X            learning rate until the next reset\n"
    "  memory            bytes and allocations of a training step\n"
    "  killed            share of each convolution's outputs that ReLU killed\n"
    "  describe          the network's layers, parameters and multiply-adds, and how many batches there are\n"
    "  save FILE         the weights, as safetensors\n"
    "  onnx FILE         the network with its weights, for other runtimes\n"
    "  export FILE       the batches: float32 pictures, then int32 labels\n"
    "  threads N         threads from now on\n"
    "  quit\n"
    "examples:\n"
    "  bench_network --network seed --batch 64 --train 10 --infer 10\n"
    "  bench_network --network resnet50 --batch 16 --threads 1 --train 3\n"
    "  printf 'train 5\\ninfer 5 1\\nquit\\n' | bench_network --network seed --serve\n";

Json to_json(const Timings& timings) {
  Json json{{"seconds", timings.seconds}};
  if (!timings.losses.empty()) json["losses"] = timings.losses;
  return json;
}

/// What the network is, and what it costs by count.
Json described(const NetworkDescription& description, const Summary& summary) {
  Json json = to_json(description);
  json["parameters"] = summary.parameters;
  json["multiply_adds"] = summary.multiply_adds;
  return json;
}

Json to_json(const StepMemory& memory) {
  return {{"peak_bytes", memory.peak_bytes}, {"allocations_after_first_step", memory.allocations}};
}

Json answer(NetworkRun& run, const std::string& line) {
  std::istringstream words(line);
  std::string command, path;
  words >> command;
  const auto number = [&](const char* what) {
    int value = 0;
    check(bool(words >> value) && value >= 1, "bench", command, " needs a ", what, " of at least 1.");
    return value;
  };
  const auto file = [&] {
    check(bool(std::getline(words >> std::ws, path)), "bench", command, " needs a file.");
    return path;
  };
  if (command == "train") return to_json(run.train(number("count")));
  if (command == "infer") {
    const int count = number("count");
    return to_json(run.infer(count, number("batch")));
  }
  if (command == "logits") return {{"logits", run.logits(number("batch"))}};
  if (command == "fit") return {{"losses", run.fit_epochs(number("count"))}};
  if (command == "memory") return to_json(run.step_memory());
  if (command == "killed") return {{"killed", run.killed_shares()}};
  if (command == "describe") {
    Json json = described(run.description(), run.summary());
    json["batches"] = run.batch_count();
    const BuildInfo& build = build_info();
    json["build"] = join(build.build_type, ", ", build.compiler, ", ", build.flags);
    return json;
  }
  if (command == "rate") {
    double rate = 0;
    check(bool(words >> rate), "bench", "rate needs a number.");
    run.set_learning_rate(rate);
    return {{"done", command}};
  }
  if (command == "reset")
    run.reset();
  else if (command == "save")
    run.save_weights(file());
  else if (command == "onnx")
    run.save_onnx(file());
  else if (command == "export")
    run.export_batches(file());
  else if (command == "threads")
    set_threads(number("count"));
  else
    fail("bench", "there is no command '", command, "'.");
  return {{"done", command}};
}

/// Answers until quit or the end of stdin.
void serve(NetworkRun& run) {
  std::cout << Json{{"ready", run.description().name}}.dump() << std::endl;
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    Json json;
    try {
      json = answer(run, line);
    } catch (const std::exception& error) {
      json = {{"error", error.what()}};
    }
    std::cout << json.dump() << std::endl;
  }
}

struct Options : NetworkRunOptions {
  std::string device_name = "cpu";
  int threads = 0, train = 0, infer = 0;
  std::vector<int> infer_batches;
  bool serve = false, describe = false;
};

Json measure(NetworkRun& run, const Options& options) {
  Json json{{"network", run.description().name},
            {"size", run.description().size},
            {"batch", options.batch},
            {"threads", threads()},
            {"device", describe(options.device)},
            {"commit", build_info().commit}};
  if (options.train > 0) {
    run.train(1);  // the first allocates
    json["train"] = to_json(run.train(options.train));
    json["memory"] = to_json(run.step_memory());
  }
  if (options.infer > 0)
    for (const int batch : options.infer_batches) {
      run.infer(1, batch);
      json["infer"][std::to_string(batch)] = to_json(run.infer(options.infer, batch));
    }
  return json;
}

std::string listed_names() {
  std::string text;
  for (const std::string& name : network_names()) text += (text.empty() ? "" : ", ") + name;
  return text;
}

int main_with(int count, char** arguments) {
  CLI::App app("Measures training steps and inference of a whole network and prints JSON.", "bench_network");
  app.footer(serve_help);
  Options options;
  app.add_option("--network", options.network, listed_names())->capture_default_str();
  app.add_option("--size", options.size, "side of the pictures (default: 256 for seed, 224 for the others)");
  app.add_option("--classes", options.classes, "(default: 5 for seed, 1000 for the others)");
  app.add_option("--batch", options.batch, "pictures of a training step")->capture_default_str();
  app.add_option("--threads", options.threads, "(default: as many as OpenMP takes)");
  app.add_option("--weights", options.weights, "a safetensors file (default: drawn from the seed)");
  app.add_option("--data", options.data, "a folder of photographs, one subfolder a class (default: noise)");
  app.add_option("--seed", options.seed, "of weights and order")->capture_default_str();
  app.add_option("--device", options.device_name, "cpu or cuda; the emulator is refused")->capture_default_str();
  app.add_option("--train", options.train, "measure so many training steps");
  app.add_option("--infer", options.infer, "measure so many passes of inference");
  app.add_option("--infer-batch", options.infer_batches, "batches of inference (default: as --batch)");
  app.add_flag("--serve", options.serve, "take commands from stdin");
  app.add_flag("--describe", options.describe, "print the network's layers, parameters and multiply-adds, and no more");
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (options.describe) {
    const NetworkDescription description = describe_network(options.network, options.size, options.classes);
    std::cout << described(description, summarize(build_network(description))).dump() << "\n";
    return 0;
  }
  if (options.infer_batches.empty()) options.infer_batches.push_back(options.batch);
  options.device = parse_device(options.device_name);
  check(options.device != Device::cuda_emulated, "bench", "the emulator's time says nothing about a GPU's.");
  check(is_available(options.device), "bench", describe(options.device));
  if (options.threads > 0) set_threads(options.threads);
  NetworkRun run(options);
  if (options.serve)
    serve(run);
  else
    std::cout << measure(run, options).dump() << "\n";
  return 0;
}

}  // namespace
}  // namespace mien::bench

int main(int count, char** arguments) {
  mien::expressions::pin_threads(arguments);
  try {
    return mien::bench::main_with(count, arguments);
  } catch (const std::exception& error) {
    std::cerr << "bench_network: " << error.what() << "\n";
    return 1;
  }
}
