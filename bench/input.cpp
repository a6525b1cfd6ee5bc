// bench_input: the way of a photograph into a training step, stage by stage, on one thread and on two: pictures a
// second (items_per_second), and pictures per second of a core's time (per_core), which other programs do not disturb
// where OMP_WAIT_POLICY is passive (else a thread that waits counts as one that works).
//
//   bench_input --data faces --benchmark_filter='decode|augment'
//
// Without --data the photographs are drawn faces, 350 x 350, written as JPEG. Reading to resizing happens once, when a
// data set is opened; augmentation and the batch happen in every epoch.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>

#include "mien/core/build_info.h"
#include "mien/core/ops/scale_bytes.h"
#include "mien/data/image_folder.h"
#include "mien/data/loader.h"
#include "mien/data/synthetic_faces.h"
#include "mien/examples/expressions/environment.h"
#include "mien/io/file.h"
#include "mien/io/image_transform.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/parallel.h"

namespace mien::bench {
namespace {

namespace fs = std::filesystem;

constexpr int size = 256, batch = 64;
constexpr std::size_t most_photographs = 256;

/// What the stages work on.
struct Photographs {
  std::vector<fs::path> paths;
  std::vector<std::string> jpegs, pngs, colour_jpegs;  // their bytes
  std::vector<Image> images, colours;
  Dataset dataset;  // framed and resized
};

std::vector<fs::path> draw_photographs() {
  const fs::path folder = fs::temp_directory_path() / "mien_bench_input";
  fs::create_directories(folder);
  const Dataset faces = synthetic_faces({.people = 4, .per_class_per_person = 4, .size = 350});
  std::vector<fs::path> paths;
  for (int i = 0; i < faces.size(); ++i) {
    Image image(350, 350, 1);
    std::memcpy(image.pixels.data(), faces.pixels<std::uint8_t>(i), image.pixels.size());
    paths.push_back(folder / join(i, ".jpg"));
    write_jpeg(paths.back(), image);
  }
  return paths;
}

Photographs read_photographs(const std::string& folder) {
  Photographs all;
  if (folder.empty()) {
    all.paths = draw_photographs();
  } else {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
      if (entry.path().extension() == ".jpg") all.paths.push_back(entry.path());
    std::sort(all.paths.begin(), all.paths.end());
    if (all.paths.size() > most_photographs) all.paths.resize(most_photographs);
  }
  check(!all.paths.empty(), "bench_input", "there is no .jpg under ", folder, ".");
  LabelledImages labelled;
  labelled.class_names = {"photograph"};
  std::vector<std::uint8_t> pixels;
  for (const fs::path& path : all.paths) {
    all.jpegs.push_back(read_file(path, 1 << 30));
    all.images.push_back(decode_image(all.jpegs.back(), path.string(), {.channels = 1}));
    all.colours.push_back(to_colour(all.images.back()));
    all.pngs.push_back(encode_png(all.images.back()));
    all.colour_jpegs.push_back(encode_jpeg(all.colours.back()));
    const Image picture = framed(all.images.back(), Framing::centre, size);
    pixels.insert(pixels.end(), picture.pixels.begin(), picture.pixels.end());
    labelled.labels.push_back(0);
  }
  labelled.images = Tensor::from(pixels, {static_cast<std::int64_t>(all.paths.size()), size, size, 1});
  all.dataset = Dataset(std::move(labelled));
  return all;
}

/// Registers a stage under one and two threads; `run` takes `count` pictures through it.
void add_stage(const std::string& name, std::int64_t count, const std::function<void()>& run) {
  const auto measure = [=](benchmark::State& state, int threads) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    run();  // the first run allocates
    const std::clock_t start = std::clock();
    for (auto _ : state) run();
    const double core_seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    omp_set_num_threads(before);
    state.SetItemsProcessed(state.iterations() * count);
    state.counters["per_core"] = static_cast<double>(state.iterations() * count) / core_seconds;
  };
  for (const int threads : {1, 2})
    benchmark::RegisterBenchmark(join(name, "/threads:", threads).c_str(),
                                 [=](benchmark::State& state) { measure(state, threads); })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}

/// A stage that takes each photograph by itself.
template <class Stage>
void add_each(const std::string& name, std::size_t count, const Stage& stage) {
  add_stage(name, static_cast<std::int64_t>(count), [=] {
    kernels::cpu::parallel_for(static_cast<std::int64_t>(count), [&](std::int64_t i) {
      auto result = stage(static_cast<std::size_t>(i));
      benchmark::DoNotOptimize(result);
    });
  });
}

/// The 2021 report's strengths.
AugmentationOptions report_strengths(AugmentationRules rules, FillMode fill = FillMode::nearest) {
  return {.width_shift = 0.1,
          .height_shift = 0.1,
          .rotation = 20,
          .brightness = {0.8, 1.2},
          .shear = 0.2,
          .horizontal_flip = true,
          .zoom = 0.1,
          .fill = fill,
          .rules = rules};
}

void add_reading(const Photographs& all) {
  const std::size_t count = all.paths.size();
  add_each("read/file", count, [&](std::size_t i) { return read_file(all.paths[i], 1 << 30); });
  add_each("decode/jpeg", count, [&](std::size_t i) { return decode_image(all.jpegs[i], "photograph"); });
  add_each("decode/jpeg_colour", count, [&](std::size_t i) { return decode_image(all.colour_jpegs[i], "photograph"); });
  add_each("decode/png", count, [&](std::size_t i) { return decode_image(all.pngs[i], "photograph"); });
  add_each("to_grey", count, [&](std::size_t i) { return to_grey(all.colours[i]); });
  add_each("crop/centre_square", count, [&](std::size_t i) { return centre_square(all.images[i]); });
  add_each("resize/photograph", count, [&](std::size_t i) { return resize(all.images[i], size, size); });
  for (const int side : {128, 512, 1024, 2048}) {
    const Image large = resize(all.images[0], side, side);
    add_each(join("resize/", side), 8, [=](std::size_t) { return resize(large, size, size); });
  }
  const Image colour = to_colour(resize(all.images[0], 512, 512));
  add_each("resize/512_colour", 8, [=](std::size_t) { return resize(colour, size, size); });
  add_each("prepare/photograph", count,
           [&](std::size_t i) { return framed(read_image(all.paths[i], {.channels = 1}), Framing::centre, size); });
}

void add_augmentation(const Photographs& all) {
  const auto add = [&](const std::string& name, const AugmentationOptions& options, const Dataset& data) {
    add_stage("augment/" + name, batch, [=] {
      const Shape shape = data.image_shape();
      Tensor result = Tensor::empty(shape.with_batch(batch));
      float* const to = result.view().data;
      kernels::cpu::parallel_for(batch, [&](std::int64_t i) {
        const int index = static_cast<int>(i) % data.size();
        apply_transform(draw_transform(options, size, size, 1, 0, index), options, shape,
                        data.pixels<std::uint8_t>(index), to + i * shape.size(), 1 / 255.0f);
      });
    });
  };
  for (const auto& [name, fill] : {std::pair{"nearest", FillMode::nearest},
                                   {"constant", FillMode::constant},
                                   {"reflect", FillMode::reflect},
                                   {"wrap", FillMode::wrap}})
    add(join("keras/", name), report_strengths(AugmentationRules::keras, fill), all.dataset);
  add("plain/nearest", report_strengths(AugmentationRules::plain), all.dataset);
  add("flip_only", {.horizontal_flip = true}, all.dataset);
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < 8; ++i) {
    const Image colour = to_colour(framed(all.images[0], Framing::centre, size));
    pixels.insert(pixels.end(), colour.pixels.begin(), colour.pixels.end());
  }
  LabelledImages colours;
  colours.class_names = {"photograph"};
  colours.labels.resize(8);
  colours.images = Tensor::from(pixels, {8, size, size, 3});
  add("keras/nearest_colour", report_strengths(AugmentationRules::keras), Dataset(std::move(colours)));
}

void add_batches(const Photographs& all) {
  std::vector<int> indices;
  for (int i = 0; i < batch; ++i) indices.push_back(i % all.dataset.size());
  add_stage("batch/bytes", batch, [&all, indices] { benchmark::DoNotOptimize(all.dataset.images(indices)); });
  const Tensor bytes = all.dataset.images(indices);
  add_stage("batch/to_float", batch, [bytes] { benchmark::DoNotOptimize(scale_bytes(bytes, 1 / 255.0f)); });
  // An epoch of the loader with nobody to train: as fast as batches can come.
  const auto add_epoch = [&](const char* name, std::optional<AugmentationOptions> augment) {
    const auto loader = std::make_shared<Loader>(
        all.dataset, LoaderOptions{.batch = batch, .augment = augment, .augmented_scale = 1 / 255.0f});
    add_stage(name, all.dataset.size(), [loader] { loader->run(0, [](const Batch&) { return true; }); });
  };
  add_epoch("loader/as_they_are", {});
  add_epoch("loader/augmented", report_strengths(AugmentationRules::keras));
}

int main_with(int count, char** arguments) {
  std::string folder;
  for (int i = 1; i + 1 < count; ++i)
    if (std::string_view(arguments[i]) == "--data") {
      folder = arguments[i + 1];
      std::rotate(arguments + i, arguments + i + 2, arguments + count);
      count -= 2;
    }
  benchmark::Initialize(&count, arguments);
  if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 2;
  const Photographs all = read_photographs(folder);
  benchmark::AddCustomContext("machine", expressions::machine());
  benchmark::AddCustomContext("commit", std::string(build_info().commit));
  benchmark::AddCustomContext("instruction set", std::string(kernels::cpu::name(kernels::cpu::instruction_set())));
  benchmark::AddCustomContext("photographs", join(all.paths.size(), folder.empty() ? " drawn faces" : " of " + folder));
  add_reading(all);
  add_augmentation(all);
  add_batches(all);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace mien::bench

int main(int count, char** arguments) {
  mien::expressions::pin_threads(arguments);
  try {
    return mien::bench::main_with(count, arguments);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
