#include "mien/io/onnx.h"

#include <cmath>
#include <map>

#include "mien/core/ops/pool2d.h"
#include "mien/io/file.h"
#include "mien/io/onnx_graph.h"
#include "mien/kernels/error.h"
#include "mien/layers/batch_normalization.h"
#include "mien/layers/config_parts.h"
#include "mien/layers/conv2d.h"
#include "mien/layers/elementwise.h"
#include "mien/layers/normalization.h"
#include "mien/layers/separable_conv2d.h"

namespace mien {
namespace {

constexpr std::int64_t operator_set = 17;
constexpr std::size_t most_bytes = (std::size_t{1} << 31) - 1;

/// A value of the network in the graph. Pictures may be there in both orders of their axes.
struct Value {
  Shape shape;                ///< (height, width, channels) of a picture, whatever the order
  std::string channels_last;  ///< as here; empty where it is not there yet
  std::string channels_first;
  bool is_picture() const { return shape.rank() == 3; }
};

class Exporter {
 public:
  explicit Exporter(const Model& net) : net_(net), graph_(net.name()) {}

  const OnnxGraph& run() {
    const Plan& plan = net_.unfused_plan();
    for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
      const std::string name = graph_.unused(net_.input_names()[i]);
      graph_.input(name, plan.inputs[i]);
      values_.push_back({plan.inputs[i], name, ""});
    }
    for (const Step& step : plan.steps) {
      std::vector<Value*> inputs;
      for (const int value : step.inputs) inputs.push_back(&values_[static_cast<std::size_t>(value)]);
      values_.push_back(node(*step.layer, inputs, step.shape));
    }
    for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
      Value& value = values_[static_cast<std::size_t>(plan.outputs[i])];
      const std::string name = plan.outputs.size() == 1 ? "output" : join("output_", i);
      graph_.output(graph_.add("Identity", {last(value)}, name), value.shape);
    }
    return graph_;
  }

 private:
  // The name of a value with its channels last, or first; the Transpose is added where it is not there yet.
  const std::string& last(Value& value) {
    if (value.channels_last.empty())
      value.channels_last = graph_.add("Transpose", {value.channels_first}, value.channels_first + "/channels_last",
                                       {{"perm", OnnxIntegers{0, 2, 3, 1}}});
    return value.channels_last;
  }
  const std::string& first(Value& value) {
    if (value.channels_first.empty())
      value.channels_first = graph_.add("Transpose", {value.channels_last}, value.channels_last + "/channels_first",
                                        {{"perm", OnnxIntegers{0, 3, 1, 2}}});
    return value.channels_first;
  }
  /// Of a picture with its channels first, of anything else as it is.
  const std::string& natural(Value& value) { return value.is_picture() ? first(value) : last(value); }
  Value made(const Shape& shape, const std::string& name) {
    return shape.rank() == 3 ? Value{shape, "", name} : Value{shape, name, ""};
  }
  /// The axis of the channels in natural(): behind the batch, or the last.
  static std::int64_t channel_axis(const Shape& shape) { return shape.rank() == 3 ? 1 : shape.rank(); }

  static std::vector<std::int64_t> axis_pads(const WindowAxis& height, const WindowAxis& width) {
    return {height.padding_begin, width.padding_begin, height.padding_end, width.padding_end};
  }

  /// Adds the operations of one layer. The last of them has its name.
  Value node(const Module& layer, const std::vector<Value*>& inputs, const Shape& shape) {
    const std::string& name = layer.name();
    Value& x = *inputs.at(0);
    if (const auto* convolution = dynamic_cast<const Conv2DModule*>(&layer))
      return made(shape, add_convolution(*convolution, first(x), x.shape, name));
    if (const auto* separable = dynamic_cast<const SeparableConv2DModule*>(&layer)) {
      const auto [depthwise, pointwise] = separable->parts();
      const auto& across = dynamic_cast<const Conv2DModule&>(*depthwise);
      const std::string between = add_convolution(across, first(x), x.shape, name + "/depthwise");
      const Shape middle = across.output_shape({x.shape});
      return made(shape, add_convolution(dynamic_cast<const Conv2DModule&>(*pointwise), between, middle, name));
    }
    if (const auto* normalization = dynamic_cast<const BatchNormalizationModule*>(&layer))
      return made(shape, add_batch_normalization(*normalization, x, name));
    if (const auto* constants = dynamic_cast<const NormalizationModule*>(&layer))
      return made(shape, add_normalization(constants->options(), x, name));
    const LayerConfig config = layer.config();
    Arguments arguments(config);
    const std::string& kind = config.class_name;
    if (kind == "Dense") return add_dense(layer, arguments, x, shape);
    if (kind == "Activation" || kind == "ReLU" || kind == "LeakyReLU" || kind == "Softmax") {
      const auto activation = dynamic_cast<const ActivationModule&>(layer).activation();
      return made(shape, add_activation(activation, natural(x), x.shape, name));
    }
    if (kind == "MaxPooling2D" || kind == "AveragePooling2D") return made(shape, add_pool(kind, arguments, x, name));
    if (kind == "GlobalAveragePooling2D" || kind == "GlobalMaxPooling2D") {
      const char* const operation = kind == "GlobalMaxPooling2D" ? "GlobalMaxPool" : "GlobalAveragePool";
      const std::string y = graph_.add(operation, {first(x)}, name);
      return made(shape, shape.rank() == 3 ? y : reshaped(y, shape, name + "/flat"));
    }
    if (kind == "Add" || kind == "Subtract" || kind == "Multiply")
      return add_merge(kind == "Add" ? "Add" : kind == "Subtract" ? "Sub" : "Mul", inputs, shape, name);
    if (kind == "Concatenate") return add_concatenate(arguments.integer("axis", -1), inputs, shape, name);
    if (kind == "Flatten" || kind == "Reshape") return made_last(shape, reshaped(last(x), shape, name));
    if (kind == "Dropout") return x;
    if (kind == "Rescaling") {
      const float scale = arguments.number("scale", 1), offset = arguments.number("offset", 0);
      return made(shape, scaled(natural(x), {scale}, {offset}, {1}, name));
    }
    if (kind == "GroupNormalization") return made(shape, add_standardize(arguments.number("epsilon", 1e-3f), x, name));
    if (kind == "Flip") return made(shape, add_flip(x, name));
    if (kind == "ZeroPadding2D") {
      const Border border = arguments.border("padding", {});
      const OnnxIntegers cells{0, 0, border.top, border.left, 0, 0, border.bottom, border.right};
      return made(shape, graph_.add("Pad", {first(x), graph_.constant(name + "/pads", cells)}, name));
    }
    if (kind == "Cropping2D") {
      const Border border = arguments.border("cropping", {});
      const std::string begin = graph_.constant(name + "/begin", OnnxIntegers{border.top, border.left});
      const std::string end = graph_.constant(name + "/end", {border.top + shape[0], border.left + shape[1]});
      return made(shape, graph_.add("Slice", {first(x), begin, end, graph_.constant(name + "/axes", {2, 3})}, name));
    }
    if (kind == "UpSampling2D") {
      const Extent2d size = arguments.extent("size", 2);
      const std::vector<float> scales{1, 1, static_cast<float>(size.height), static_cast<float>(size.width)};
      std::vector<OnnxAttribute> how{{"mode", "nearest"}, {"coordinate_transformation_mode", "asymmetric"}};
      if (arguments.text("interpolation", "nearest") == "bilinear")
        how = {{"mode", "linear"}, {"coordinate_transformation_mode", "half_pixel"}};
      else
        how.push_back({"nearest_mode", "floor"});
      return made(shape,
                  graph_.add("Resize", {first(x), "", graph_.constant(name + "/scales", scales, {4})}, name, how));
    }
    fail("onnx", "layer \"", name, "\": there is no way to write a ", kind, ".");
  }

  Value made_last(const Shape& shape, const std::string& name) { return {shape, name, ""}; }

  std::string reshaped(const std::string& x, const Shape& shape, const std::string& name) {
    OnnxIntegers lengths{0};  // as long as it was: the batch
    lengths.insert(lengths.end(), shape.begin(), shape.end());
    return graph_.add("Reshape", {x, graph_.constant(name + "/shape", lengths)}, name);
  }

  std::string add_activation(Activation activation, const std::string& x, const Shape& shape, const std::string& name) {
    switch (activation.kind) {
      case ActivationKind::linear:
        return x;
      case ActivationKind::relu:
        return graph_.add("Relu", {x}, name);
      case ActivationKind::relu6:
        return graph_.add(
            "Clip", {x, graph_.constant(name + "/least", {0}, {}), graph_.constant(name + "/most", {6}, {})}, name);
      case ActivationKind::leaky_relu:
        return graph_.add("LeakyRelu", {x}, name, {{"alpha", activation.slope}});
      case ActivationKind::sigmoid:
        return graph_.add("Sigmoid", {x}, name);
      case ActivationKind::tanh:
        return graph_.add("Tanh", {x}, name);
      case ActivationKind::softmax:
        return graph_.add("Softmax", {x}, name, {{"axis", channel_axis(shape)}});
    }
    fail("onnx", "layer \"", name, "\": there is no way to write its activation.");
  }

  /// (kh, kw, in, out) → (out, in, kh, kw); depthwise (kh, kw, channels, multiplier) → (channels * multiplier, 1, kh,
  /// kw).
  std::string kernel(const Conv2DModule& layer, const std::string& name) {
    const Tensor& given = layer.parameters().at(0)->value;
    const bool depthwise = layer.kind() == "DepthwiseConv2D";
    const std::int64_t area = given.shape()[0] * given.shape()[1];
    const std::int64_t in = depthwise ? 1 : given.shape()[2], out = given.size() / (area * in);
    const std::vector<float> values = given.to_vector();
    std::vector<float> turned(values.size());
    for (std::int64_t cell = 0; cell < area; ++cell)
      for (std::int64_t i = 0; i < in; ++i)
        for (std::int64_t o = 0; o < out; ++o)
          turned[static_cast<std::size_t>((o * in + i) * area + cell)] =
              values[static_cast<std::size_t>((cell * in + i) * out + o)];
    return graph_.constant(name + "/kernel", turned, {out, in, given.shape()[0], given.shape()[1]});
  }

  std::string add_convolution(const Conv2DModule& layer, const std::string& x, const Shape& input,
                              const std::string& name) {
    const Conv2dGeometry g = layer.geometry(input);
    std::vector<std::string> inputs{x, kernel(layer, name)};
    if (layer.options().use_bias) {
      const Tensor& bias = layer.parameters().at(1)->value;
      inputs.push_back(graph_.constant(name + "/bias", bias.to_vector(), bias.shape()));
    }
    const bool plain = layer.options().activation == linear;
    const std::string y = graph_.add("Conv", inputs, plain ? name : name + "/linear",
                                     {{"kernel_shape", OnnxIntegers{g.height.kernel, g.width.kernel}},
                                      {"strides", OnnxIntegers{g.height.stride, g.width.stride}},
                                      {"dilations", OnnxIntegers{g.height.dilation, g.width.dilation}},
                                      {"pads", axis_pads(g.height, g.width)},
                                      {"group", std::int64_t{g.groups}}});
    return add_activation(layer.options().activation, y, layer.output_shape({input}), name);
  }

  Value add_dense(const Module& layer, Arguments& arguments, Value& x, const Shape& shape) {
    const std::string& name = layer.name();
    const Activation activation = arguments.activation();
    const std::string linear_name = activation == linear ? name : name + "/linear";
    const Tensor& weights = layer.parameters().at(0)->value;
    std::vector<std::string> constants{graph_.constant(name + "/kernel", weights.to_vector(), weights.shape())};
    if (layer.parameters().size() > 1) {
      const Tensor& bias = layer.parameters()[1]->value;
      constants.push_back(graph_.constant(name + "/bias", bias.to_vector(), bias.shape()));
    }
    std::string y;
    if (shape.rank() == 1) {
      constants.insert(constants.begin(), last(x));
      y = graph_.add("Gemm", constants, linear_name);
    } else {
      const bool has_bias = constants.size() > 1;
      y = graph_.add("MatMul", {last(x), constants[0]}, has_bias ? name + "/product" : linear_name);
      if (has_bias) y = graph_.add("Add", {y, constants[1]}, linear_name);
    }
    // Channels stay last: the softmax of a picture's cells goes over the last axis, not over ONNX's channels.
    if (activation.kind == ActivationKind::softmax)
      return made_last(shape, graph_.add("Softmax", {y}, name, {{"axis", std::int64_t{-1}}}));
    return made_last(shape, add_activation(activation, y, shape, name));
  }

  std::string add_batch_normalization(const BatchNormalizationModule& layer, Value& x, const std::string& name) {
    const std::int64_t channels = x.shape[-1];
    std::vector<std::string> inputs{natural(x)};
    for (const auto& [weight, otherwise] :
         {std::pair{"gamma", 1.0f}, {"beta", 0.0f}, {"moving_mean", 0.0f}, {"moving_variance", 1.0f}}) {
      std::vector<float> values(static_cast<std::size_t>(channels), otherwise);
      for (const auto& parameter : layer.parameters())
        if (parameter->name == weight) values = parameter->value.to_vector();
      inputs.push_back(graph_.constant(join(name, '/', weight), values, {channels}));
    }
    const LayerConfig config = layer.config();
    return graph_.add("BatchNormalization", inputs, name, {{"epsilon", Arguments(config).number("epsilon", 1e-3f)}});
  }

  /// scale * x + offset; `shape` of the constants, to be broadcast.
  std::string scaled(const std::string& x, const std::vector<float>& scale, const std::vector<float>& offset,
                     const Shape& shape, const std::string& name) {
    const std::string product =
        graph_.add("Mul", {x, graph_.constant(name + "/scale", scale, shape)}, name + "/product");
    return graph_.add("Add", {product, graph_.constant(name + "/offset", offset, shape)}, name);
  }

  std::string add_normalization(const NormalizationOptions& options, Value& x, const std::string& name) {
    std::vector<float> scale, offset;
    for (std::size_t i = 0; i < options.mean.size(); ++i) {
      const float deviation = std::max(std::sqrt(options.variance[i]), 1e-7f);
      scale.push_back(options.invert ? deviation : 1 / deviation);
      offset.push_back(options.invert ? options.mean[i] : -options.mean[i] / deviation);
    }
    const auto count = static_cast<std::int64_t>(scale.size());
    return scaled(natural(x), scale, offset, x.is_picture() ? Shape{count, 1, 1} : Shape{count}, name);
  }

  std::string add_pool(const std::string& kind, Arguments& arguments, Value& x, const std::string& name) {
    const Extent2d size = arguments.extent("pool_size", 2), stride = arguments.extent("strides", {0, 0});
    const Pool2dGeometry g = pool2d_geometry("onnx", x.shape.with_batch(1),
                                             {.size = size, .stride = stride, .padding = arguments.padding()});
    std::vector<OnnxAttribute> attributes{{"kernel_shape", OnnxIntegers{g.height.kernel, g.width.kernel}},
                                          {"strides", OnnxIntegers{g.height.stride, g.width.stride}},
                                          {"pads", axis_pads(g.height, g.width)}};
    // ONNX's default leaves the padding out of a mean, as Keras and mien do.
    return graph_.add(kind == "MaxPooling2D" ? "MaxPool" : "AveragePool", {first(x)}, name, attributes);
  }

  Value add_merge(const std::string& operation, const std::vector<Value*>& inputs, const Shape& shape,
                  const std::string& name) {
    bool pictures = true;  // broadcasting goes by the last axes, and so by the order of the axes
    for (const Value* input : inputs) pictures = pictures && input->is_picture();
    const auto given = [&](Value& value) { return pictures ? first(value) : last(value); };
    std::string y = given(*inputs.at(0));
    for (std::size_t i = 1; i < inputs.size(); ++i)
      y = graph_.add(operation, {y, given(*inputs[i])}, i + 1 == inputs.size() ? name : join(name, "/part_", i));
    return pictures ? made(shape, y) : made_last(shape, y);
  }

  Value add_concatenate(int keras_axis, const std::vector<Value*>& inputs, const Shape& shape,
                        const std::string& name) {
    std::int64_t axis = keras_axis < 0 ? keras_axis + shape.rank() + 1 : keras_axis;
    if (shape.rank() == 3) axis = axis == 3 ? 1 : axis + 1;
    std::vector<std::string> names;
    for (Value* input : inputs) names.push_back(natural(*input));
    return made(shape, graph_.add("Concat", names, name, {{"axis", axis}}));
  }

  /// Each picture brought to mean 0 and variance 1 (core/ops/standardize.h).
  std::string add_standardize(float epsilon, Value& x, const std::string& name) {
    OnnxIntegers axes;
    for (int axis = 1; axis <= x.shape.rank(); ++axis) axes.push_back(axis);
    const std::string mean = graph_.add("ReduceMean", {natural(x)}, name + "/mean", {{"axes", axes}});
    const std::string centred = graph_.add("Sub", {natural(x), mean}, name + "/centred");
    const std::string squares = graph_.add("Mul", {centred, centred}, name + "/squares");
    const std::string variance = graph_.add("ReduceMean", {squares}, name + "/variance", {{"axes", axes}});
    const std::string raised =
        graph_.add("Add", {variance, graph_.constant(name + "/epsilon", {epsilon}, {})}, name + "/raised");
    return graph_.add("Div", {centred, graph_.add("Sqrt", {raised}, name + "/deviation")}, name);
  }

  std::string add_flip(Value& x, const std::string& name) {
    OnnxIntegers backwards;
    for (std::int64_t channel = x.shape[-1]; channel-- > 0;) backwards.push_back(channel);
    return graph_.add("Gather", {natural(x), graph_.constant(name + "/order", backwards)}, name,
                      {{"axis", channel_axis(x.shape)}});
  }

  const Model& net_;
  OnnxGraph graph_;
  std::vector<Value> values_;
};

}  // namespace

void export_onnx(const Model& net, const std::filesystem::path& path) {
  check(net.is_initialized(), path.string(), "the network has no weights yet: initialize() or load() it first.");
  Exporter exporter(net);
  const OnnxGraph& graph = exporter.run();
  const std::string header = graph.header(operator_set);
  const std::size_t bytes = header.size() + graph.bytes().size();
  check(bytes <= most_bytes, path.string(), "the network takes ", bytes, " bytes; an ONNX file holds 2 GB.");
  AtomicFile file(path);
  file.write(header);
  file.write(graph.bytes());
  file.commit();
}

}  // namespace mien
