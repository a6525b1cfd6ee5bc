#include "mien/layers/summary.h"

#include <algorithm>
#include <iomanip>
#include <map>
#include <sstream>
#include <unordered_set>

#include "mien/core/numbers.h"
#include "mien/kernels/algorithm.h"

namespace mien {
namespace {

/// Bytes or counts with a unit: 18.9 M, 1.0 MB.
std::string scaled(std::int64_t value, double base, const char* const (&units)[4]) {
  double number = static_cast<double>(value);
  int unit = 0;
  while (number >= base && unit < 3) number /= base, ++unit;
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << std::fixed << std::setprecision(unit == 0 ? 0 : 1) << number << ' ' << units[unit];
  return text.str();
}

std::string counted(std::int64_t value) { return value == 0 ? "" : scaled(value, 1000, {"", "K", "M", "G"}); }
std::string sized(std::int64_t bytes) { return bytes == 0 ? "" : scaled(bytes, 1024, {"B", "KB", "MB", "GB"}); }

/// How the three passes are computed on the CPU, such as "winograd, gradients sparse".
std::string algorithms_of(const Conv2DModule& convolution, const Shape& input, const Conv2DEpilogue& epilogue) {
  Conv2dGeometry g = convolution.geometry(input);
  g.pool = epilogue.pool;
  const auto name = [&](Conv2dPass pass) {
    return std::string(name_of(kernels::cpu::resolve_conv2d_algorithm(convolution.options().algorithm, g, pass)));
  };
  const std::string forward = name(Conv2dPass::forward), input_gradient = name(Conv2dPass::backward_input),
                    weight_gradient = name(Conv2dPass::backward_weights);
  if (input_gradient == weight_gradient)
    return forward == input_gradient ? forward : forward + ", gradients " + input_gradient;
  return forward + ", gradients " + input_gradient + " (input), " + weight_gradient + " (weights)";
}

}  // namespace

std::string keras_shape(const Shape& shape) {
  std::string text = "(None";
  for (std::int64_t length : shape) text += ", " + std::to_string(length);
  return text + ")";
}

Summary summarize(const Model& model) {
  Summary summary;
  summary.model = model.name();
  const Plan& plan = model.unfused_plan();
  std::map<std::string, std::string> absorbed_by;  // layer → convolution
  std::map<std::string, const Step*> fused;
  for (const Step& step : model.plan().steps) {
    fused[step.layer->name()] = &step;
    for (const std::string& name : step.absorbed) absorbed_by[name] = step.layer->name();
  }
  std::unordered_set<const Module*> seen;
  for (const Step& step : plan.steps) {
    SummaryRow row{step.layer->name(), step.layer->kind(), step.shape, 0, 0, 0, ""};
    std::vector<Shape> inputs;
    for (int value : step.inputs) inputs.push_back(plan.shape_of(value));
    row.multiply_adds = step.layer->multiply_adds(inputs);
    if (seen.insert(&*step.layer).second)
      for (const auto& parameter : step.layer->parameters()) {
        row.parameters += parameter->value.size();
        if (parameter->value.requires_grad()) summary.trainable += parameter->value.size();
      }
    if (auto found = absorbed_by.find(row.name); found != absorbed_by.end()) {
      row.note = "in " + found->second;
    } else if (auto kept = fused.find(row.name); kept != fused.end()) {
      const Step& planned = *kept->second;
      row.activation_bytes = step.layer->is_alias() ? 0 : planned.shape.size() * 4;
      if (planned.epilogue.pool) row.activation_bytes += planned.shape.size();  // the argmax bytes
      if (const auto* convolution = dynamic_cast<const Conv2DModule*>(&*step.layer)) {
        row.note = algorithms_of(*convolution, inputs[0], planned.epilogue);
        for (std::size_t i = 0; i < planned.absorbed.size(); ++i)
          row.note += (i == 0 ? "; fused with " : ", ") + planned.absorbed[i];
        if (!planned.not_fused.empty()) row.note += "; not fused: " + planned.not_fused;
      }
    }
    summary.parameters += row.parameters;
    summary.multiply_adds += row.multiply_adds;
    summary.activation_bytes += row.activation_bytes;
    summary.rows.push_back(std::move(row));
  }
  return summary;
}

std::string to_text(const Summary& summary) {
  std::vector<std::vector<std::string>> table{
      {"Layer (type)", "Output Shape", "Param #", "Multiply-adds", "Activation", "How it runs"}};
  for (const SummaryRow& row : summary.rows)
    table.push_back({row.name + " (" + row.kind + ")", keras_shape(row.shape), grouped(row.parameters),
                     counted(row.multiply_adds), sized(row.activation_bytes), row.note});
  std::vector<std::size_t> width(table[0].size());
  for (const auto& cells : table)
    for (std::size_t i = 0; i < cells.size(); ++i) width[i] = std::max(width[i], cells[i].size());
  std::size_t total = 0;
  for (std::size_t w : width) total += w + 2;
  std::string text = "Model: \"" + summary.model + "\"\n";
  const auto rule = [&](char c) { text += std::string(total - 2, c) + "\n"; };
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string row;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string space(width[i] - cells[i].size(), ' ');
      const bool number = i >= 2 && i <= 4;
      row += (number ? space + cells[i] : cells[i] + space) + "  ";
    }
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  };
  rule('-');
  line(table[0]);
  rule('=');
  for (std::size_t i = 1; i < table.size(); ++i) line(table[i]);
  rule('=');
  text += "Total params: " + grouped(summary.parameters) + " (" + sized(summary.parameters * 4) + ")\n";
  text += "Trainable params: " + grouped(summary.trainable) + " (" + sized(summary.trainable * 4) + ")\n";
  text += "Non-trainable params: " + grouped(summary.parameters - summary.trainable) + "\n";
  text += "Per image: " + counted(summary.multiply_adds) + " multiply-adds, " + sized(summary.activation_bytes) +
          " of activations kept for the backward pass\n";
  return text;
}

}  // namespace mien
