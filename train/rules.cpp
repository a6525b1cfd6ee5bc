#include "mien/train/rules.h"

#include <algorithm>
#include <cmath>

#include "mien/kernels/error.h"

namespace mien {
namespace {

double worst(Better better) {
  return better == Better::low ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
}

}  // namespace

EarlyStoppingRule::EarlyStoppingRule(EarlyStoppingOptions options)
    : options_(std::move(options)), best_(worst(options_.better)) {
  check(options_.patience >= 0, "EarlyStopping", "patience must be at least 0. Got ", options_.patience, ".");
}

bool EarlyStoppingRule::improves(double value, double reference) const {
  const double delta = std::abs(options_.min_delta);
  return options_.better == Better::low ? value + delta < reference : value - delta > reference;
}

EarlyStoppingRule::Decision EarlyStoppingRule::feed(int epoch, double value) {
  Decision decision;
  if (epoch < options_.start_from_epoch) return decision;
  if (!fed_) {  // so that there is something to restore even where no epoch improves (a NaN)
    fed_ = decision.keep_weights = true;
    best_epoch_ = epoch;
  }
  ++wait_;
  if (improves(value, best_)) {
    best_ = value;
    best_epoch_ = epoch;
    decision.keep_weights = true;
    if (std::isnan(options_.baseline) || improves(value, options_.baseline)) wait_ = 0;
    return decision;
  }
  decision.stop = wait_ >= options_.patience && epoch > 0;
  return decision;
}

void EarlyStoppingRule::restore(int best_epoch, double best, int wait, bool fed) {
  best_epoch_ = best_epoch, best_ = best, wait_ = wait, fed_ = fed;
}

PlateauRule::PlateauRule(ReduceLROnPlateauOptions options)
    : options_(std::move(options)), best_(worst(options_.better)) {
  check(options_.factor > 0 && options_.factor < 1, "ReduceLROnPlateau", "the factor must lie between 0 and 1. Got ",
        options_.factor, ".");
  check(options_.patience >= 0 && options_.cooldown >= 0, "ReduceLROnPlateau",
        "patience and cooldown must be at least 0. Got ", options_.patience, " and ", options_.cooldown, ".");
}

double PlateauRule::feed(double value, double rate) {
  if (cooldown_ > 0) {
    --cooldown_;
    wait_ = 0;
  }
  const bool improved =
      options_.better == Better::low ? value < best_ - options_.min_delta : value > best_ + options_.min_delta;
  if (improved) {
    best_ = value;
    wait_ = 0;
    return rate;
  }
  if (cooldown_ > 0 || ++wait_ < options_.patience) return rate;
  if (static_cast<float>(rate) <= static_cast<float>(options_.min_rate)) return rate;
  cooldown_ = options_.cooldown;
  wait_ = 0;
  return std::max(static_cast<double>(static_cast<float>(rate)) * options_.factor, options_.min_rate);
}

}  // namespace mien
