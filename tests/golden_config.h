// How golden tests read a Keras config: setting by setting, and none overlooked.
#pragma once

#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mien/tests/golden.h"

namespace mien::test {

/// How many cases of an index were held against, and which wait for something that is not there yet.
struct Coverage {
  int covered = 0;
  std::vector<std::string> awaiting;

  void print(const char* what) const {
    std::cout << what << ": " << covered << " cases covered, " << awaiting.size() << " awaiting";
    std::map<std::string, int> count;
    for (const std::string& reason : awaiting) ++count[reason];
    const char* separator = ": ";
    for (const auto& [reason, cases] : count) {
      std::cout << std::exchange(separator, ", ") << reason;
      if (cases > 1) std::cout << " (" << cases << " times)";
    }
    std::cout << "\n";
  }
};

/// Thrown where a case needs what is not there yet.
struct Awaits {
  std::string what;
};

/// Takes settings out of a Keras config, and remembers whether something is left that nobody asked for.
class Config {
 public:
  explicit Config(nlohmann::json config) : config_(std::move(config)) {}

  template <class T>
  Config& read(const char* key, T& value) {
    const auto found = config_.find(key);
    if (found == config_.end()) return *this;
    if (!found->is_null()) value = found->get<T>();
    config_.erase(found);
    return *this;
  }
  std::optional<nlohmann::json> take(const char* key) {
    const auto found = config_.find(key);
    if (found == config_.end()) return {};
    const nlohmann::json value = *found;
    config_.erase(found);
    return value;
  }
  /// What was not read and is not off (null, false).
  std::string rest() const {
    for (const auto& [key, value] : config_.items())
      if (key != "name" && !value.is_null() && value != nlohmann::json(false)) return key;
    return "";
  }

 private:
  nlohmann::json config_;
};

}  // namespace mien::test
