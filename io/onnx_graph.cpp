#include "mien/io/onnx_graph.h"

#include "mien/core/build_info.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

enum TensorType { float32 = 1, int64 = 7 };

template <class T>
std::string_view raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

ProtobufMessage attribute_message(const OnnxAttribute& attribute) {
  enum Kind { real = 1, integer = 2, text = 3, integers = 7 };
  ProtobufMessage message;
  message.text(1, attribute.name);
  if (const auto* number = std::get_if<float>(&attribute.value))
    return message.number(2, *number).number(20, std::int64_t{real});
  if (const auto* number = std::get_if<std::int64_t>(&attribute.value))
    return message.number(3, *number).number(20, std::int64_t{integer});
  if (const auto* letters = std::get_if<std::string>(&attribute.value))
    return message.text(4, *letters).number(20, std::int64_t{text});
  for (const std::int64_t number : std::get<OnnxIntegers>(attribute.value)) message.number(8, number);
  return message.number(20, std::int64_t{integers});
}

}  // namespace

std::string OnnxGraph::unused(const std::string& wanted) {
  std::string name = wanted;
  for (int number = 1; !names_.insert(name).second; ++number) name = join(wanted, '_', number);
  return name;
}

std::string OnnxGraph::add(const std::string& operation, const std::vector<std::string>& inputs,
                           const std::string& name, const std::vector<OnnxAttribute>& attributes) {
  const std::string output = unused(name);
  ProtobufMessage node;
  for (const std::string& input : inputs) node.text(1, input);
  node.text(2, output).text(3, output).text(4, operation);
  for (const OnnxAttribute& attribute : attributes) node.message(5, attribute_message(attribute));
  graph_.message(1, node);
  return output;
}

std::string OnnxGraph::constant(const std::string& name, const std::vector<float>& values, const Shape& shape) {
  const std::string own = unused(name);
  ProtobufMessage tensor;
  for (const std::int64_t length : shape) tensor.number(1, length);
  graph_.message(5, tensor.number(2, std::int64_t{float32}).text(8, own).text(9, raw(values)));
  return own;
}

std::string OnnxGraph::constant(const std::string& name, const OnnxIntegers& values) {
  const std::string own = unused(name);
  ProtobufMessage tensor;
  tensor.number(1, static_cast<std::int64_t>(values.size())).number(2, std::int64_t{int64});
  graph_.message(5, tensor.text(8, own).text(9, raw(values)));
  return own;
}

ProtobufMessage OnnxGraph::value_info(const std::string& name, const Shape& shape) {
  ProtobufMessage lengths, tensor, type;
  lengths.message(1, ProtobufMessage().text(2, "batch"));
  for (const std::int64_t length : shape) lengths.message(1, ProtobufMessage().number(1, length));
  tensor.number(1, std::int64_t{float32}).message(2, lengths);
  return ProtobufMessage().text(1, name).message(2, type.message(1, tensor));
}

std::string OnnxGraph::header(std::int64_t operators) const {
  constexpr std::int64_t format = 8;  // that of ONNX 1.12, which brought operator set 17
  ProtobufMessage model;
  model.number(1, format).text(2, "mien").text(3, build_info().version);
  model.message(8, ProtobufMessage().text(1, "").number(2, operators));
  return model.announce(7, graph_.bytes().size()).bytes();
}

}  // namespace mien
