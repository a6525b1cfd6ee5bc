// An ONNX graph under construction: nodes and constants by name. (github.com/onnx/onnx, onnx/onnx.proto has the field
// numbers.)
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mien/core/tensor.h"
#include "mien/io/protobuf.h"

namespace mien {

using OnnxIntegers = std::vector<std::int64_t>;

struct OnnxAttribute {
  std::string name;
  std::variant<float, std::int64_t, OnnxIntegers, std::string> value;
};

class OnnxGraph {
 public:
  explicit OnnxGraph(const std::string& name) { graph_.text(2, name); }

  /// A name that nothing has yet: `wanted`, or with a number behind it.
  std::string unused(const std::string& wanted);

  /// Adds an operation with one output and returns that output's name, `name` or like it.
  std::string add(const std::string& operation, const std::vector<std::string>& inputs, const std::string& name,
                  const std::vector<OnnxAttribute>& attributes = {});
  /// Adds constants and returns their name.
  std::string constant(const std::string& name, const std::vector<float>& values, const Shape& shape);
  std::string constant(const std::string& name, const OnnxIntegers& values);

  /// float32 values of this shape behind a batch axis of any length.
  void input(const std::string& name, const Shape& shape) { graph_.message(11, value_info(name, shape)); }
  void output(const std::string& name, const Shape& shape) { graph_.message(12, value_info(name, shape)); }

  /// The two parts of the file, which follow one another: what it is, for `operators` or later ones of ONNX's sets of
  /// operators, and the graph.
  std::string header(std::int64_t operators) const;
  const std::string& bytes() const { return graph_.bytes(); }

 private:
  static ProtobufMessage value_info(const std::string& name, const Shape& shape);

  ProtobufMessage graph_;
  std::set<std::string> names_;
};

}  // namespace mien
