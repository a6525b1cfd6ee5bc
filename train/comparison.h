// Which of two variants is better, said so that the numbers bear it out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mien/train/bootstrap.h"
#include "mien/train/statistics.h"

namespace mien {

/// What one trained network made of its test pictures.
struct ComparedRun {
  std::vector<std::int32_t> labels, predictions;
  std::vector<std::string> groups;  ///< of each picture, or empty
};

/// One way of training, tried under several seeds.
struct ComparedVariant {
  std::string name;
  std::vector<ComparedRun> runs;  ///< one a seed
};

/// Two variants whose runs had the same seeds and test pictures, pair by pair.
///
/// Two questions are kept apart. Do these trained networks differ on people like those of the test side? That is asked
/// over people, and a single run each may show it. Do the variants differ, so that training them again would show the
/// same? That takes several runs, and both tests: over people and over runs.
struct Comparison {
  std::string first, second;
  int runs = 0;                          ///< of each
  double level = 0.95;                   ///< of the intervals; shown is what has a p of at most 1 - level
  PairedAccuracy over_people;            ///< all runs' pictures together
  std::optional<PairedTTest> over_runs;  ///< of the runs' accuracies; none with one run
  double difference = 0;                 ///< accuracy of the first less that of the second
  Interval interval;                     ///< of the difference, by the test that decides, uncorrected
  double p = 1;                          ///< of the test that decides: the one with the larger p
  double adjusted_p = 1, people_p = 1;   ///< p, and that over people alone, corrected for all comparisons made
  int comparisons = 1;                   ///< that it is corrected for
  bool shown = false;                    ///< that one variant is better; never with one run
  bool networks_shown = false;           ///< that the networks trained here differ
  std::string sentence;                  ///< the same in words
};

/// Compares the accuracies of two variants. Throws Error where there is no run, the numbers of runs differ, a pair of
/// runs has not the same labels and groups, or options are out of range.
Comparison compare(const ComparedVariant& first, const ComparedVariant& second, const BootstrapOptions& options = {});

/// Corrects comparisons that are made together (Holm), and words them anew.
void correct_for_each_other(std::vector<Comparison>& comparisons);

}  // namespace mien
