#include "mien/io/safetensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "mien/io/file.h"
#include "mien/io/json_depth.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t length_bytes = 8;
/// The format's own limit on the header.
constexpr std::uint64_t max_header = 100'000'000;

/// Objects of objects of arrays: name → {dtype, shape → [...], data_offsets → [...]}. Deeper text is refused while it
/// is parsed, so that a hostile file cannot exhaust the stack.
constexpr int max_depth = 4;

template <class To, class From>
std::vector<To> converted(std::string_view bytes, double (*widen)(From)) {
  std::vector<To> values(bytes.size() / sizeof(From));
  for (std::size_t i = 0; i < values.size(); ++i) {
    From value;
    std::memcpy(&value, bytes.data() + i * sizeof(From), sizeof(From));
    values[i] = static_cast<To>(widen(value));
  }
  return values;
}

double widen_bfloat16(std::uint16_t bits) {
  const std::uint32_t wide = std::uint32_t{bits} << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

double widen_float16(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double magnitude =
      exponent == 0    ? std::ldexp(fraction, -24)
      : exponent == 31 ? (fraction ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity())
                       : std::ldexp(1024 + fraction, exponent - 25);
  return bits >> 15 ? -magnitude : magnitude;
}

class Reader {
 public:
  Reader(const std::filesystem::path& path, std::string bytes) : where_(path.string()), bytes_(std::move(bytes)) {}

  WeightsFile read() {
    check(bytes_.size() >= length_bytes, where_, "at byte 0: a length of 8 bytes was expected. The file has ",
          bytes_.size(), ".");
    std::uint64_t header_length = 0;
    std::memcpy(&header_length, bytes_.data(), length_bytes);
    check(header_length <= max_header && header_length <= bytes_.size() - length_bytes, where_,
          "at byte 0: the header should have ", header_length, " bytes, but ", bytes_.size() - length_bytes,
          " follow.");
    const std::string_view header(bytes_.data() + length_bytes, header_length);
    data_ = std::string_view(bytes_).substr(length_bytes + header_length);
    const Json json = parse(header);
    check(json.is_object(), where_, "in the header: an object was expected.");
    WeightsFile file;
    for (const auto& [name, entry] : json.items()) {
      if (name == "__metadata__")
        read_metadata(entry, file);
      else
        file.tensors.push_back({name, read_tensor(name, entry)});
    }
    check_covered();
    return file;
  }

 private:
  struct Span {
    std::uint64_t begin, end;
    std::string name;
  };

  Json parse(std::string_view header) {
    std::vector<std::set<std::string>> keys;  // of the objects that are open: a name may not come twice
    std::string objection;
    const auto look = [&](int depth, Json::parse_event_t event, Json& parsed) {
      if (depth > max_depth && objection.empty()) objection = "it is nested too deeply";
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second &&
          objection.empty())
        objection = "\"" + parsed.get<std::string>() + "\" comes twice";
      return objection.empty();
    };
    const std::size_t deep = too_deep(header, max_depth);
    check(deep == header.npos, where_, "at byte ", length_bytes + deep, ": the header is nested too deeply.");
    try {
      Json json = Json::parse(header, look);
      check(objection.empty(), where_, "in the header: ", objection, ".");
      return json;
    } catch (const Json::exception& error) {
      fail(where_, "in the header: no JSON (", error.what(), ").");
    }
  }

  void read_metadata(const Json& entry, WeightsFile& file) const {
    check(entry.is_object(), where_, "in the header: __metadata__ should be an object of texts.");
    for (const auto& [key, value] : entry.items()) {
      check(value.is_string(), where_, "in the header: __metadata__ \"", key, "\" should be a text.");
      file.metadata[key] = value.get<std::string>();
    }
  }

  std::uint64_t natural(const std::string& name, const Json& value, const char* what) const {
    check(value.is_number_unsigned(), where_, "tensor \"", name, "\": ", what, " should be a number from 0 up. Got ",
          value.dump(-1, ' ', false, Json::error_handler_t::replace), ".");
    return value.get<std::uint64_t>();
  }

  const Json& member(const std::string& name, const Json& entry, const char* key, bool array) const {
    check(entry.is_object() && entry.contains(key) && (array ? entry[key].is_array() : entry[key].is_string()), where_,
          "tensor \"", name, "\": ", key, " should be ", array ? "a list." : "a text.");
    return entry[key];
  }

  Tensor read_tensor(const std::string& name, const Json& entry) {
    const std::string dtype = member(name, entry, "dtype", false).get<std::string>();
    const Json& lengths = member(name, entry, "shape", true);
    const Json& offsets = member(name, entry, "data_offsets", true);
    check(offsets.size() == 2, where_, "tensor \"", name, "\": data_offsets should hold begin and end.");
    const std::uint64_t begin = natural(name, offsets[0], "data_offsets"),
                        end = natural(name, offsets[1], "data_offsets");
    check(begin <= end && end <= data_.size(), where_, "tensor \"", name, "\": its place, bytes ", begin, " to ", end,
          ", lies outside the ", data_.size(), " bytes of data.");
    check(lengths.size() <= static_cast<std::size_t>(Shape::max_rank), where_, "tensor \"", name, "\": at most ",
          Shape::max_rank, " axes can be read. Got ", lengths.size(), ".");
    Shape shape;
    for (const Json& length : lengths) {
      const std::uint64_t value = natural(name, length, "a length");
      check(value < std::uint64_t{1} << 48, where_, "tensor \"", name, "\": a length of ", value, " is absurd.");
      try {
        shape.append(static_cast<std::int64_t>(value));
      } catch (const Error&) {
        fail(where_, "tensor \"", name, "\": its shape has too many elements.");
      }
    }
    spans_.push_back({begin, end, name});
    return make(name, dtype, shape, data_.substr(begin, end - begin));
  }

  Tensor make(const std::string& name, const std::string& dtype, const Shape& shape, std::string_view bytes) const {
    const auto sized = [&](std::uint64_t size) {
      const std::uint64_t wanted = static_cast<std::uint64_t>(shape.size()) * size;
      check(wanted == bytes.size(), where_, "tensor \"", name, "\": shape ", shape, " of ", dtype, " takes ", wanted,
            " bytes, its place has ", bytes.size(), ".");
    };
    const auto widen_double = +[](double value) { return value; };
    if (dtype == "F32" || dtype == "I32" || dtype == "U8") {
      const DType type = dtype == "F32" ? DType::float32 : dtype == "I32" ? DType::int32 : DType::uint8;
      sized(size_of(type));
      Tensor tensor = Tensor::empty(shape, Device::cpu, type);
      tensor.copy_from_host(bytes.data(), static_cast<std::size_t>(shape.size()), type);
      return tensor;
    }
    if (dtype == "F64") return sized(8), Tensor::from(converted<float>(bytes, widen_double), shape);
    if (dtype == "BF16") return sized(2), Tensor::from(converted<float>(bytes, widen_bfloat16), shape);
    if (dtype == "F16") return sized(2), Tensor::from(converted<float>(bytes, widen_float16), shape);
    if (dtype == "I64") {
      sized(8);
      std::vector<std::int32_t> values(static_cast<std::size_t>(shape.size()));
      for (std::size_t i = 0; i < values.size(); ++i) {
        std::int64_t value;
        std::memcpy(&value, bytes.data() + i * 8, 8);
        check(value == static_cast<std::int32_t>(value), where_, "tensor \"", name, "\": ", value,
              " does not fit into int32.");
        values[i] = static_cast<std::int32_t>(value);
      }
      return Tensor::from(values, shape);
    }
    fail(where_, "tensor \"", name, "\": dtype ", dtype, " cannot be read (F32, F64, F16, BF16, I32, I64 and U8 can).");
  }

  void check_covered() {
    std::sort(spans_.begin(), spans_.end(),
              [](const Span& a, const Span& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
    std::uint64_t covered = 0;
    for (const Span& span : spans_) {
      check(span.begin == covered, where_, "tensor \"", span.name, "\" begins at byte ", span.begin,
            " of the data, the one before it ends at ", covered, ".");
      covered = span.end;
    }
    check(covered == data_.size(), where_, "the tensors end at byte ", covered, " of ", data_.size(),
          " bytes of data.");
  }

  std::string where_;
  std::string bytes_;
  std::string_view data_;
  std::vector<Span> spans_;
};

const char* format_name(DType dtype) { return dtype == DType::float32 ? "F32" : dtype == DType::int32 ? "I32" : "U8"; }

/// The bytes of a tensor on the host.
std::string bytes_of(const Tensor& tensor) {
  const auto as_text = [](const auto& values) {
    return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0]));
  };
  switch (tensor.dtype()) {
    case DType::float32:
      return as_text(tensor.to_vector<float>());
    case DType::int32:
      return as_text(tensor.to_vector<std::int32_t>());
    case DType::uint8:
      return as_text(tensor.to_vector<std::uint8_t>());
  }
  return {};
}

}  // namespace

WeightsFile read_safetensors(const std::filesystem::path& path) { return Reader(path, read_file(path)).read(); }

void write_safetensors(const std::filesystem::path& path, const WeightsFile& file) {
  Json header = Json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  std::uint64_t offset = 0;
  for (const NamedTensor& tensor : file.tensors) {
    check(tensor.value.defined(), path.string(), "tensor \"", tensor.name, "\" is absent.");
    check(!header.contains(tensor.name), path.string(), "two tensors are called \"", tensor.name, "\".");
    const std::uint64_t bytes = static_cast<std::uint64_t>(tensor.value.size()) * size_of(tensor.value.dtype());
    header[tensor.name] = {
        {"dtype", format_name(tensor.value.dtype())},
        {"shape", std::vector<std::int64_t>(tensor.value.shape().begin(), tensor.value.shape().end())},
        {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');  // so that the numbers are aligned
  const std::uint64_t length = text.size();
  AtomicFile out(path);
  out.write({reinterpret_cast<const char*>(&length), length_bytes});
  out.write(text);
  for (const NamedTensor& tensor : file.tensors) out.write(bytes_of(tensor.value));
  out.commit();
}

}  // namespace mien
