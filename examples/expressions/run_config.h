// config.json of a run: the options and the surroundings, everything needed to repeat it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "options.h"

namespace mien::expressions {

/// What config.json records.
struct RunConfig {
  std::string command = "train";  ///< or "demo"
  TrainOptions options;
  std::string data;           ///< what the pictures are, for people
  int people = 0, takes = 0;  ///< of drawn faces, whose seed is the options'; 0: the pictures are in options.data
  int pictures = 0;
  std::string fingerprint;  ///< of the pictures, their classes and the three sides
  std::string weights_md5;  ///< of options.weights; "" where there are none
  std::string version, machine, threads, started;
};

void write_config(const std::filesystem::path& run, const RunConfig& config);
/// Throws Error where RUN/config.json is missing or no such file.
RunConfig read_config(const std::filesystem::path& run);

/// Takes the options of a JSON file (a flat object, or the config.json of a run), except those that were `given` on the
/// command line. Throws UsageError for a key that does not exist, with the nearest one, and for a value of another
/// type. Returns the names of the options that the file has.
std::vector<std::string> apply_config(TrainOptions& options, const std::filesystem::path& file,
                                      const std::vector<std::string>& given);

/// Throws UsageError for values out of their ranges.
void check_options(const TrainOptions& options);

/// "0.6,0.2,0.2" as three numbers; UsageError otherwise.
std::vector<double> three_numbers(const std::string& text, const char* option);

}  // namespace mien::expressions
