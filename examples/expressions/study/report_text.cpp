#include "report_text.h"

#include <array>
#include <charconv>
#include <cmath>

#include "mien/core/numbers.h"
#include "mien/train/statistics.h"

namespace mien::expressions::study {
namespace {

std::string scientific(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific, 1).ptr;
  return {text.data(), end};
}

/// Mean and deviation of several values, each written by `write`.
template <class Write>
std::string spread_text(const std::vector<double>& values, const Write& write) {
  const Estimate spread = estimate_mean(values);
  return spread.deviation ? join(write(spread.mean), " ± ", write(*spread.deviation)) : write(spread.mean);
}

}  // namespace

std::string loss_text(double loss) {
  if (!std::isfinite(loss)) return "not finite";
  return loss != 0 && std::abs(loss) < 0.001 ? scientific(loss) : fixed(loss, 4);
}

std::string accuracy_text(const std::vector<double>& shares) {
  return spread_text(shares, [](double share) { return fixed(100 * share, 1); }) + " %";
}

std::string losses_text(const std::vector<double>& losses) {
  for (const double loss : losses)
    if (!std::isfinite(loss)) return "not finite";
  // The deviation is written as the mean is, so that both are read with one look.
  const bool small = std::abs(mean(losses)) < 0.001;
  return spread_text(losses, [&](double loss) { return small ? loss_text(loss) : fixed(loss, 4); });
}

std::string points_text(const std::vector<double>& differences) {
  const std::string text = spread_text(differences, [](double share) { return fixed(100 * share, 1); });
  return join(text[0] == '-' || text.rfind("0.0", 0) == 0 ? "" : "+", text, " points");
}

std::string count_text(const std::vector<double>& counts) {
  return spread_text(counts, [&](double count) { return fixed(count, counts.size() < 2 ? 0 : 1); });
}

std::string listed(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i)
    text += (i == 0 ? "" : i + 1 == items.size() ? " and " : ", ") + items[i];
  return text;
}

std::string counted(std::int64_t count, const std::string& one, const std::string& many) {
  static const std::array<const char*, 10> words{"no",   "one", "two",   "three", "four",
                                                 "five", "six", "seven", "eight", "nine"};
  const std::string number = count >= 0 && count < 10 ? words[static_cast<std::size_t>(count)] : grouped(count);
  return join(number, ' ', count == 1 ? one : many);
}

std::string capital(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string run_link(const StudyResult& run) { return join("runs/", run.key, "/"); }

DocumentCell run_cell(const RunGroup& group, const std::string& text, const std::string& missing) {
  if (group.empty()) return {.text = missing};
  if (group.runs.size() == 1) return {.text = text, .link = run_link(*group.runs[0])};
  DocumentCell cell{.text = text};
  for (const StudyResult* run : group.runs) {
    cell.more.push_back({.text = " "});
    cell.more.push_back({.text = join(run->run.seed), .link = run_link(*run)});
  }
  return cell;
}

DocumentCell accuracy_cell(const StudyRuns& runs, const std::string& variant, const std::string& split,
                           const std::string& method) {
  const RunGroup& group = runs.group(variant, split, method);
  return run_cell(group, group.empty() ? "" : accuracy_text(group.values(&StudyResult::accuracy)),
                  runs.missing(variant, split, method));
}

DocumentCell loss_cell(const StudyRuns& runs, const std::string& variant, const std::string& split,
                       const std::string& method) {
  const RunGroup& group = runs.group(variant, split, method);
  return run_cell(group, group.empty() ? "" : losses_text(group.values(&StudyResult::loss)),
                  runs.missing(variant, split, method));
}

}  // namespace mien::expressions::study
