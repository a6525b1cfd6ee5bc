// Mutated weight files: each is either read with every weight in its shape, or refused by an Error that names it and
// changes nothing; none crashes the program, takes ten seconds, or 64 MB beyond its size. What is done to which file
// depends on the seed and the file's number alone.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>

#include "mien/core/random.h"
#include "mien/io/crc32.h"
#include "mien/io/file.h"
#include "mien/io/keras_file.h"
#include "mien/kernels/error.h"
#include "mien/layers/layers.h"
#include "mien/tests/child_process.h"
#include "mien/train/weights.h"

using namespace mien;
namespace fs = std::filesystem;

namespace {

constexpr const char* usage = R"(usage: fuzz_weight_files [--count N] [--seed N] [--first N] [--keep FOLDER]

Mutates the golden weight files N times (default 400) and reads each; prints a table. Exit code 1 if one crashed, hung,
took too much memory or was read wrongly; those are kept in FOLDER (default: the current one), and --first runs one again.

  fuzz_weight_files --count 10000
  fuzz_weight_files --first 1234 --count 1
)";

enum Outcome { loaded = 0, refused = 10, unnamed = 11, changed = 12, wrong_shape = 13, other_exception = 14 };

Model network(const std::string& seed_file) {
  if (seed_file.find("sequential") != seed_file.npos) {
    Sequential net{Conv2D(4, 3, {.padding = Padding::same, .activation = relu}),
                   BatchNormalization(),
                   SeparableConv2D(6, 3, {.activation = relu}),
                   MaxPool2D(2),
                   Flatten(),
                   Dense(5)};
    net.build({9, 8, 3}, 1);
    return net;
  }
  const Symbol image = Input({9, 8, 3}, "image");
  Symbol stem = Conv2D(4, 3, {.stride = 2, .padding = Padding::same, .use_bias = false})(image);
  stem = ReLU()(BatchNormalization({.scale = false})(stem));
  Symbol deep = BatchNormalization()(DepthwiseConv2D(3, {.padding = Padding::same})(stem));
  const Symbol sum = Add()({stem, Conv2D(4, 1)(deep)});
  const Symbol flat = Conv2D(5, {1, 3}, {.padding = Padding::same})(stem);
  Model net(image, Dense(5)(GlobalAveragePool2D()(Concatenate()({sum, flat}))));
  net.initialize(1);
  return net;
}

struct Seed {
  std::string name, bytes;
};

std::vector<Seed> seeds(const fs::path& scratch) {
  std::vector<Seed> result;
  for (const char* const model : {"tiny_sequential", "tiny_functional"}) {
    for (const char* const ending : {".keras", ".weights.h5", ".h5", ".legacy_weights.h5", ".keras2_weights.h5"}) {
      const std::string name = std::string(model) + ending;
      result.push_back({name, read_file(fs::path(MIEN_SOURCE_DIR) / "tests/golden/weights" / name)});
    }
    const std::string name = std::string(model) + ".safetensors";
    save(network(name), scratch / name);
    result.push_back({name, read_file(scratch / name)});
  }
  return result;
}

/// Makes the checksums of an archive true again, so that what lies behind them is read.
void mend_checksums(std::string& bytes) {
  for (std::size_t place = bytes.find("PK\1\2"); place != bytes.npos; place = bytes.find("PK\1\2", place + 4)) {
    if (place + 46 > bytes.size()) return;
    const auto number = [&](std::size_t at, int width) {
      std::size_t value = 0;
      for (int i = 0; i < width; ++i) value |= std::size_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
      return value;
    };
    const std::size_t local = number(place + 42, 4), size = number(place + 24, 4);
    if (local + 30 > bytes.size()) continue;
    const std::size_t begin = local + 30 + number(local + 26, 2) + number(local + 28, 2);
    if (begin > bytes.size() || size > bytes.size() - begin) continue;
    const std::uint32_t checksum = crc32(std::string_view(bytes).substr(begin, size));
    for (std::size_t i = 0; i < 4; ++i) bytes[place + 16 + i] = static_cast<char>(checksum >> (8 * i));
  }
}

std::string mutated(std::string bytes, Random& random) {
  const auto below = [&](std::size_t most) -> std::size_t { return random.below(static_cast<std::uint32_t>(most)); };
  const auto place = [&] {  // headers lie at the beginning and, in archives, at the end
    const std::size_t near = std::min<std::size_t>(bytes.size(), 4096);
    const std::size_t kind = below(4);
    return kind == 0 ? below(near) : kind == 1 ? bytes.size() - 1 - below(near) : below(bytes.size());
  };
  switch (below(5)) {
    case 0:
      for (std::size_t flips = 1 + below(16); flips > 0; --flips) bytes[place()] ^= static_cast<char>(1 << below(8));
      break;
    case 1:
      bytes.resize(below(bytes.size()));
      break;
    case 2:  // a length, an offset or a count becomes another
      for (std::size_t count = 1 + below(3); count > 0; --count) {
        const std::uint64_t values[] = {0,
                                        1,
                                        0x7f,
                                        0xff,
                                        0xffff,
                                        0x7fffffff,
                                        0xffffffff,
                                        ~std::uint64_t{0},
                                        std::uint64_t{1} << 40,
                                        bytes.size(),
                                        below(bytes.size()),
                                        below(256)};
        const std::uint64_t value = values[below(12)];
        const std::size_t width = std::size_t{1} << below(4), at = place() / width * width;
        for (std::size_t i = 0; i < width && at + i < bytes.size(); ++i)
          bytes[at + i] = static_cast<char>(value >> (8 * i));
      }
      break;
    case 3: {  // two numbers change places
      const std::size_t width = std::size_t{1} << below(5), a = place() / width * width, b = place() / width * width;
      for (std::size_t i = 0; i < width && std::max(a, b) + i < bytes.size(); ++i)
        std::swap(bytes[a + i], bytes[b + i]);
      break;
    }
    default: {  // a stretch of the file stands elsewhere too
      const std::size_t from = place(), to = place(), length = 1 + below(512);
      for (std::size_t i = 0; i < length && std::max(from, to) + i < bytes.size(); ++i) bytes[to + i] = bytes[from + i];
    }
  }
  if (below(4) != 0) mend_checksums(bytes);
  return bytes;
}

std::vector<std::vector<float>> all_weights(const Model& net) {
  std::vector<std::vector<float>> result;
  for (const auto& parameter : net.parameters()) result.push_back(parameter->value.to_vector());
  return result;
}

/// Reads the file as a network, or as weights of the network that it was made for.
Outcome attempt(Model& net, const fs::path& path, bool as_network) {
  const auto before = all_weights(net);
  try {
    if (!as_network) return load(net, path), loaded;
    const Model made = load_keras_model(path);
    for (const auto& parameter : made.parameters())
      if (parameter->value.to_vector().size() != static_cast<std::size_t>(parameter->value.shape().size()))
        return wrong_shape;
    return loaded;
  } catch (const Error& error) {
    if (std::string(error.what()).find(path.string()) == std::string::npos) return unnamed;
    return all_weights(net) == before ? refused : changed;
  }
}

struct Measured {
  int code = 0, signal = 0;
  double seconds = 0;
  long kilobytes = 0;
};

template <class Work>
Measured in_child(Work work) {
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) {
    alarm(10);
    int code = other_exception;
    try {
      code = work();
    } catch (const std::exception& error) {
      std::cerr << error.what() << '\n';
    }
    _exit(code);
  }
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  Measured result{.kilobytes = usage.ru_maxrss};
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

struct Row {
  int loaded = 0, refused = 0, failed = 0;
  double slowest = 0, most_megabytes = 0;
};

int run(std::uint64_t seed, std::uint64_t first, std::uint64_t count, const fs::path& keep) {
  const mien::testing::ScratchFolder scratch;
  const std::vector<Seed> files = seeds(scratch.path());
  std::map<std::string, Row> rows;
  const auto start = std::chrono::steady_clock::now();
  const long bare = in_child([] { return 0; }).kilobytes;
  for (std::uint64_t i = first; i < first + count; ++i) {
    Random random(seed, Purpose::test, i);
    const Seed& file = files[i % files.size()];
    const std::string bytes = mutated(file.bytes, random);
    const fs::path path = scratch / ("mutated" + file.name.substr(file.name.find('.')));
    write_file_atomically(path, bytes);
    const bool whole =
        file.name.ends_with(".keras") || file.name == "tiny_sequential.h5" || file.name == "tiny_functional.h5";
    const bool as_network = whole && random.below(2) == 0;
    Model net = network(file.name);
    const Measured measured = in_child([&] { return attempt(net, path, as_network); });
    const double megabytes = static_cast<double>(measured.kilobytes - bare) / 1024;
    Row& row = rows[file.name];
    row.slowest = std::max(row.slowest, measured.seconds);
    row.most_megabytes = std::max(row.most_megabytes, megabytes);
    const bool well = measured.signal == 0 && (measured.code == loaded || measured.code == refused) &&
                      measured.seconds < 10 && megabytes <= 64 + static_cast<double>(bytes.size()) / 1e6;
    ++(!well ? row.failed : measured.code == loaded ? row.loaded : row.refused);
    if (!well) {
      const fs::path kept = keep / ("failed_" + std::to_string(seed) + "_" + std::to_string(i) + "_" + file.name);
      fs::copy_file(path, kept, fs::copy_options::overwrite_existing);
      std::cerr << "file " << i << ": exit code " << measured.code << ", signal " << measured.signal << ", "
                << measured.seconds << " s, " << megabytes << " MB; kept as " << kept.string() << '\n';
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  Row all;
  std::printf("%-38s %8s %8s %8s %10s %10s\n", "mutated", "loaded", "refused", "failed", "slowest", "memory");
  const auto print = [](const std::string& name, const Row& row) {
    std::printf("%-38s %8d %8d %8d %8.2f s %7.1f MB\n", name.c_str(), row.loaded, row.refused, row.failed, row.slowest,
                row.most_megabytes);
  };
  for (const auto& [name, row] : rows) {
    print(name, row);
    all.loaded += row.loaded, all.refused += row.refused, all.failed += row.failed;
    all.slowest = std::max(all.slowest, row.slowest);
    all.most_megabytes = std::max(all.most_megabytes, row.most_megabytes);
  }
  print("all", all);
  std::printf("%llu files in %.0f s, %.0f a second, seed %llu\n", static_cast<unsigned long long>(count), seconds,
              static_cast<double>(count) / seconds, static_cast<unsigned long long>(seed));
  return all.failed == 0 ? 0 : 1;
}

}  // namespace

/// Under the address sanitizer, memory that was let go is kept for a while: so that it does not count, but little.
extern "C" const char* __asan_default_options() { return "quarantine_size_mb=4:thread_local_quarantine_size_kb=256"; }

int main(int argument_count, char** arguments) {
  std::uint64_t seed = 1, first = 0, count = 400;
  fs::path keep = ".";
  for (int i = 1; i < argument_count; ++i) {
    const std::string name = arguments[i];
    if (name == "--help" || i + 1 == argument_count) {
      (name == "--help" ? std::cout : std::cerr) << usage;
      return name == "--help" ? 0 : 2;
    }
    const std::string value = arguments[++i];
    if (name == "--keep")
      keep = value;
    else if (name == "--seed" || name == "--first" || name == "--count")
      (name == "--seed" ? seed : name == "--first" ? first : count) = std::strtoull(value.c_str(), nullptr, 10);
    else
      return std::cerr << usage, 2;
  }
  return run(seed, first, count, keep);
}
