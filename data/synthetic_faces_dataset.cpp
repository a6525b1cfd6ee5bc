// Synthetic faces as a data set: in memory, and as a folder of files.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "mien/data/synthetic_faces.h"
#include "mien/io/file.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/error.h"

namespace mien {

namespace {

struct Picture {
  int person, label, take;
};

// Picture `index` in the order of class, person, take.
Picture picture_at(const SyntheticFacesOptions& options, std::int64_t index) {
  const std::int64_t takes = options.per_class_per_person, of_class = options.people * takes;
  return {.person = static_cast<int>(index % of_class / takes),
          .label = static_cast<int>(index / of_class),
          .take = static_cast<int>(index % takes)};
}

Image draw(const SyntheticFacesOptions& options, const Picture& picture) {
  return synthetic_face(options, picture.person, picture.label, picture.take);
}

// The number with as many digits as the largest one needs, so that names sort as numbers do.
std::string padded(int number, int largest, std::size_t at_least) {
  const std::size_t width = std::max(std::to_string(largest).size(), at_least);
  const std::string digits = std::to_string(number);
  return std::string(width - digits.size(), '0') + digits;
}

std::string group_of(const SyntheticFacesOptions& options, const Picture& picture) {
  return padded(picture.person, options.people - 1, 3);
}

// CLASS/CLASS_gPERSON_TAKE.png
std::string name_of(const SyntheticFacesOptions& options, const Picture& picture) {
  const std::string expression(face_expressions[static_cast<std::size_t>(picture.label)]);
  return expression + "/" + expression + "_g" + group_of(options, picture) + "_" +
         padded(picture.take, options.per_class_per_person - 1, 2) + ".png";
}

}  // namespace

Dataset synthetic_faces(const SyntheticFacesOptions& options) {
  const std::int64_t count = synthetic_face_count(options);
  LabelledImages all;
  all.images = Tensor::empty({count, options.size, options.size, 1}, Device::cpu, DType::uint8);
  all.class_names.assign(face_expressions.begin(), face_expressions.end());
  for (std::int64_t i = 0; i < count; ++i) {
    const Picture picture = picture_at(options, i);
    all.labels.push_back(picture.label);
    all.groups.push_back(group_of(options, picture));
    all.names.push_back(name_of(options, picture));
  }
  const View<std::uint8_t> images = all.images.view<std::uint8_t>();
  const std::int64_t pixels = static_cast<std::int64_t>(options.size) * options.size;
  kernels::cpu::parallel_for(count, [&](std::int64_t i) {
    const Image image = draw(options, picture_at(options, i));
    std::copy(image.pixels.begin(), image.pixels.end(), images.data + i * pixels);
  });
  return Dataset(std::move(all));
}

void write_synthetic_faces(const std::filesystem::path& folder, const SyntheticFacesOptions& options,
                           const std::function<void(std::int64_t, std::int64_t)>& progress) {
  const std::int64_t count = synthetic_face_count(options);
  for (const std::string_view expression : face_expressions) {
    std::error_code problem;
    std::filesystem::create_directories(folder / expression, problem);
    check(!problem, "synthetic_faces", "a folder for each expression must be creatable. Got ",
          (folder / expression).string(), ": ", problem.message(), ".");
  }
  // Drawn and packed on all threads, a batch at a time; written by this one, where errors can be thrown.
  constexpr std::int64_t batch = 32;
  std::vector<std::string> files(batch);
  for (std::int64_t begin = 0; begin < count; begin += batch) {
    const std::int64_t end = std::min(begin + batch, count);
    kernels::cpu::parallel_for(end - begin, [&](std::int64_t i) {
      files[static_cast<std::size_t>(i)] = encode_png(draw(options, picture_at(options, begin + i)));
    });
    for (std::int64_t i = begin; i < end; ++i)
      write_file_atomically(folder / name_of(options, picture_at(options, i)),
                            files[static_cast<std::size_t>(i - begin)]);
    if (progress) progress(end, count);
  }
}

}  // namespace mien
