// Mutated weight files: each is either read with every weight in its shape, or refused by an Error that names it and
// changes nothing; none crashes the program, takes ten seconds, or 64 MB beyond its size. What is done to which file
// depends on the seed and the file's number alone.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <span>

#include "mien/core/random.h"
#include "mien/io/crc32.h"
#include "mien/io/file.h"
#include "mien/io/keras_file.h"
#include "mien/io/limited_child.h"
#include "mien/kernels/error.h"
#include "mien/layers/layers.h"
#include "mien/tests/child_process.h"
#include "mien/tests/sanitizer_faults.h"
#include "mien/train/weights.h"

using namespace mien;
namespace fs = std::filesystem;

namespace {

constexpr const char* usage =
    R"(usage: fuzz_weight_files [--count N] [--seed N] [--first N] [--keep FOLDER] [--self-test]

Mutates the golden weight files N times (default 400) and reads each; prints a table. Exit code 1 if one crashed, hung,
took too much memory or was read wrongly; those are kept in FOLDER (default: the current one), and --first runs one again.
--self-test does such things on purpose instead, and asks that each be noticed.

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

enum Mutation { flipped, cut, number_changed, swapped, copied, mutations };

std::string mutated(std::string bytes, Random& random, Mutation& mutation) {
  const auto below = [&](std::size_t most) -> std::size_t { return random.below(static_cast<std::uint32_t>(most)); };
  const auto place = [&] {  // headers lie at the beginning and, in archives, at the end
    const std::size_t near = std::min<std::size_t>(bytes.size(), 4096);
    const std::size_t kind = below(4);
    return kind == 0 ? below(near) : kind == 1 ? bytes.size() - 1 - below(near) : below(bytes.size());
  };
  // A number that is written out, as JSON has its lengths and offsets: the first at or behind some place.
  const auto written_number = [&]() -> std::span<char> {
    const std::size_t begin = std::min(bytes.find_first_of("0123456789", place()), bytes.size());
    return {bytes.data() + begin, bytes.data() + std::min(bytes.find_first_not_of("0123456789", begin), bytes.size())};
  };
  mutation = static_cast<Mutation>(below(mutations));
  switch (mutation) {
    case flipped:
      for (std::size_t flips = 1 + below(16); flips > 0; --flips) bytes[place()] ^= static_cast<char>(1 << below(8));
      break;
    case cut:
      bytes.resize(below(bytes.size()));
      break;
    case number_changed:  // a length, an offset or a count becomes another
      if (below(2) == 0) {
        for (char& digit : written_number()) digit = static_cast<char>('0' + below(10));
        break;
      }
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
    case swapped: {  // two numbers change places
      if (below(2) == 0) {
        const std::span<char> a = written_number(), b = written_number();
        if (a.size() == b.size()) std::swap_ranges(a.begin(), a.end(), b.begin());
        break;
      }
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
  int code = 0, signal = 0, faults = 0;
  double seconds = 0;
  long kilobytes = 0;

  bool hung() const { return seconds >= 10; }
  bool well(long bare_kilobytes, std::size_t file_bytes) const {
    return signal == 0 && (code == loaded || code == refused) && faults == 0 && !hung() &&
           megabytes(bare_kilobytes) <= 64 + static_cast<double>(file_bytes) / 1e6;
  }
  double megabytes(long bare_kilobytes) const { return static_cast<double>(kilobytes - bare_kilobytes) / 1024; }
};

template <class Work>
Measured in_child(Work work) {
  mien::testing::sanitizer_faults().ours = 0;
  const auto start = std::chrono::steady_clock::now();
  std::fflush(stdout);
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
  Measured result{.faults = mien::testing::sanitizer_faults().ours, .kilobytes = usage.ru_maxrss};
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

struct Row {
  int loaded = 0, refused = 0, failed = 0;
  int by[mutations] = {};
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
    Mutation mutation;
    std::string bytes;
    do bytes = mutated(file.bytes, random, mutation);
    while (bytes == file.bytes);  // two zeros have changed places, say
    const fs::path path = scratch / ("mutated" + file.name.substr(file.name.find('.')));
    write_file_atomically(path, bytes);
    const bool whole =
        file.name.ends_with(".keras") || file.name == "tiny_sequential.h5" || file.name == "tiny_functional.h5";
    const bool as_network = whole && random.below(2) == 0;
    Model net = network(file.name);
    Measured measured = in_child([&] { return attempt(net, path, as_network); });
    if (measured.hung()) {  // a machine that stood still looks the same, once
      std::cerr << "file " << i << ": " << measured.seconds << " s; once more\n";
      measured = in_child([&] { return attempt(net, path, as_network); });
    }
    const double megabytes = measured.megabytes(bare);
    Row& row = rows[file.name];
    ++row.by[mutation];
    row.slowest = std::max(row.slowest, measured.seconds);
    row.most_megabytes = std::max(row.most_megabytes, megabytes);
    const bool well = measured.well(bare, bytes.size());
    ++(!well ? row.failed : measured.code == loaded ? row.loaded : row.refused);
    if (!well) {
      const fs::path kept = keep / ("failed_" + std::to_string(seed) + "_" + std::to_string(i) + "_" + file.name);
      fs::copy_file(path, kept, fs::copy_options::overwrite_existing);
      std::cerr << "file " << i << ": exit code " << measured.code << ", signal " << measured.signal << ", "
                << measured.faults << " faults, " << measured.seconds << " s, " << megabytes << " MB; kept as "
                << kept.string() << '\n';
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  Row all;
  std::printf("%-34s %7s %7s %7s %9s %9s | %7s %6s %6s %7s %6s\n", "mutated", "loaded", "refused", "failed", "slowest",
              "memory", "flipped", "cut", "length", "swapped", "copied");
  const auto print = [](const std::string& name, const Row& row) {
    std::printf("%-34s %7d %7d %7d %7.2f s %6.1f MB | %7d %6d %6d %7d %6d\n", name.c_str(), row.loaded, row.refused,
                row.failed, row.slowest, row.most_megabytes, row.by[flipped], row.by[cut], row.by[number_changed],
                row.by[swapped], row.by[copied]);
  };
  for (const auto& [name, row] : rows) {
    print(name, row);
    for (int kind = 0; kind < mutations; ++kind) all.by[kind] += row.by[kind];
    all.loaded += row.loaded, all.refused += row.refused, all.failed += row.failed;
    all.slowest = std::max(all.slowest, row.slowest);
    all.most_megabytes = std::max(all.most_megabytes, row.most_megabytes);
  }
  print("all", all);
  std::printf("%llu files in %.0f s, %.0f a second, seed %llu\n", static_cast<unsigned long long>(count), seconds,
              static_cast<double>(count) / seconds, static_cast<unsigned long long>(seed));
  if (MIEN_FAULTS_ARE_COUNTED)
    std::printf("%d faults of HDF5 that the address sanitizer found in its child; ours would be failures\n",
                mien::testing::sanitizer_faults().hdf5s.load());
  return all.failed == 0 ? 0 : 1;
}

/// A file that is read in a limited child, as HDF5 is, by this work.
Outcome read_by(const std::function<void()>& work) {
  try {
    char byte;
    LimitedChild("file", {.memory = std::uint64_t{48} << 20}, [&](int) { work(); }).read(&byte, 1);
    return loaded;
  } catch (const Error&) {
    return refused;
  }
}

int self_test() {
  const long bare = in_child([] { return 0; }).kilobytes;
  int failed = 0;
  const auto expect = [&](const char* what, bool well, const std::function<int()>& work) {
    const Measured measured = in_child(work);
    const bool right = measured.well(bare, 0) == well;
    failed += !right;
    std::printf("%-52s %s: exit code %d, signal %d, %d faults, %.1f s, %.0f MB\n", what, right ? "right" : "WRONG",
                measured.code, measured.signal, measured.faults, measured.seconds, measured.megabytes(bare));
  };
  static volatile int one = 1;
  expect("a file that is read", true, [] { return loaded; });
  expect("a file that is refused", true, [] { return refused; });
  expect("an error without the file's name", false, [] { return unnamed; });
  expect("a network that is changed", false, [] { return changed; });
  expect("another exception", false, []() -> int { throw std::out_of_range("planted"); });
  expect("a crash", false, [] { return raise(SIGSEGV); });
  expect("a loop without end", false, []() -> int {
    for (;;) sleep(1);
  });
  expect("100 MB for a small file", false, [] {
    std::vector<char> bytes(100 << 20, static_cast<char>(one));
    return bytes[static_cast<std::size_t>(one)] == 1 ? loaded : refused;
  });
  expect("a crash of HDF5 in its child", true, [] { return read_by([] { raise(SIGSEGV); }); });
#if MIEN_FAULTS_ARE_COUNTED
  const auto overrun = [] {
    const std::vector<char> bytes(8);
    volatile char beyond = bytes.data()[8 * one];
    static_cast<void>(beyond);
  };
  static volatile int most = 0x7fffffff;
  expect("a read beyond an array", false, [&] { return overrun(), loaded; });
  expect("a read beyond an array of ours in HDF5's child", false, [&] { return read_by(overrun); });
  expect("an overflow of ours in HDF5's child", false, [] { return read_by([] { most = most + one; }); });
#endif
  return failed == 0 ? 0 : 1;
}

}  // namespace

/// Under the address sanitizer, memory that was let go is kept for a while: so that it does not count, but little.
extern "C" const char* __asan_default_options() { return "quarantine_size_mb=4:thread_local_quarantine_size_kb=256"; }

int main(int argument_count, char** arguments) {
  std::uint64_t seed = 1, first = 0, count = 400;
  fs::path keep = ".";
  for (int i = 1; i < argument_count; ++i) {
    const std::string name = arguments[i];
    if (name == "--self-test") return self_test();
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
