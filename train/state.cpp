#include "mien/train/state.h"

#include <charconv>

#include "mien/io/safetensors.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

template <class Number>
std::string exact_text(Number value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

template <class Number>
Number exact_number(std::string_view name, const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc() && end == text.data() + text.size(), "checkpoint", "\"", name,
        "\" should be a number. Got \"", text, "\".");
  return value;
}

}  // namespace

void TrainingState::set(const std::string& name, const Tensor& tensor) {
  tensors_.push_back({name, tensor.device() == Device::cpu ? tensor.detach().clone() : tensor.to(Device::cpu)});
}
void TrainingState::set(const std::string& name, double number) { values_[name] = exact_text(number); }
void TrainingState::set(const std::string& name, std::int64_t number) { values_[name] = exact_text(number); }
void TrainingState::set(const std::string& name, const std::string& text) { values_[name] = text; }

bool TrainingState::has(std::string_view name) const {
  return values_.find(name) != values_.end() || find(tensors_, name).defined();
}

Tensor TrainingState::tensor(std::string_view name) const {
  const Tensor found = find(tensors_, name);
  check(found.defined(), "checkpoint", "there is no tensor \"", name, "\".");
  return found;
}

const std::string& TrainingState::text(std::string_view name) const {
  const auto found = values_.find(name);
  check(found != values_.end(), "checkpoint", "there is no value \"", name, "\".");
  return found->second;
}

double TrainingState::number(std::string_view name) const { return exact_number<double>(name, text(name)); }

std::int64_t TrainingState::integer(std::string_view name) const {
  return exact_number<std::int64_t>(name, text(name));
}

std::vector<NamedTensor> TrainingState::tensors_under(std::string_view prefix) const {
  std::vector<NamedTensor> result;
  for (const NamedTensor& tensor : tensors_)
    if (tensor.name.compare(0, prefix.size(), prefix) == 0)
      result.push_back({tensor.name.substr(prefix.size()), tensor.value});
  return result;
}

void TrainingState::write(const std::filesystem::path& path) const {
  write_safetensors(path, {tensors_, {values_.begin(), values_.end()}});
}

TrainingState TrainingState::read(const std::filesystem::path& path) {
  WeightsFile file = read_safetensors(path);
  TrainingState state;
  state.tensors_ = std::move(file.tensors);
  state.values_.insert(file.metadata.begin(), file.metadata.end());
  return state;
}

}  // namespace mien
