// synth: drawn faces as folders of pictures.
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.h"
#include "mien/data/synthetic_faces.h"
#include "mien/io/progress.h"

namespace mien::expressions {

int synth(const SynthOptions& options, const OutputOptions& output) {
  const SyntheticFacesOptions faces{
      .people = options.people, .per_class_per_person = options.takes, .size = options.size, .seed = options.seed};
  std::optional<ProgressBar> bar;
  std::int64_t shown = 0;
  write_synthetic_faces(options.out, faces, [&](std::int64_t done, std::int64_t total) {
    if (output.quiet) return;
    if (!bar) bar.emplace(total, "drawing");
    bar->advance(done - shown);
    shown = done;
  });
  if (bar) bar->finish();
  const std::int64_t count = synthetic_face_count(faces);
  if (output.json)
    std::cout << nlohmann::ordered_json{{"folder", options.out}, {"pictures", count}, {"people", options.people}}.dump(
                     2)
              << '\n';
  else
    std::cout << "Drew " << count << " pictures of " << options.people << " people in " << options.out << '\n';
  return 0;
}

}  // namespace mien::expressions
