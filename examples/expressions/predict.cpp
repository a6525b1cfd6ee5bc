// predict: the expression on photographs.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "classifier.h"
#include "commands.h"
#include "mien/core/numbers.h"

namespace mien::expressions {

int predict(const PredictOptions& options, const OutputOptions& output) {
  const Classifier classifier = load_classifier(options.run);
  nlohmann::ordered_json results = nlohmann::ordered_json::array();
  int unreadable = 0;
  for (const std::string& photo : options.photos) {
    std::vector<float> probabilities;
    try {
      probabilities = classifier.probabilities(read_image(photo, {.channels = classifier.input.channels}));
    } catch (const Error& error) {
      std::cerr << error.what() << '\n';
      ++unreadable;
      continue;
    }
    std::vector<std::size_t> order(probabilities.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return probabilities[a] > probabilities[b]; });
    if (output.json) {
      nlohmann::ordered_json shares;
      for (std::size_t c = 0; c < order.size(); ++c) shares[classifier.class_names[c]] = probabilities[c];
      results.push_back(
          {{"photo", photo}, {"class", classifier.class_names[order[0]]}, {"probabilities", std::move(shares)}});
      continue;
    }
    std::cout << photo << ": " << classifier.class_names[order[0]] << " (";
    for (std::size_t i = 0; i < order.size(); ++i)
      std::cout << (i ? ", " : "") << classifier.class_names[order[i]] << ' ' << percent(probabilities[order[i]]);
    std::cout << ")\n";
  }
  if (output.json) std::cout << results.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  return unreadable == 0 ? 0 : 1;
}

}  // namespace mien::expressions
