#include "mien/io/hdf5_child.h"

#ifdef MIEN_HDF5_BUILT

#define H5_USE_110_API  // the functions of HDF5 1.10, in later ones too
#include <hdf5.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "mien/kernels/error.h"

namespace mien {
namespace {

/// Bytes of values that are read at a time.
constexpr std::size_t piece_bytes = 1 << 20;

/// What the library itself says last of what went wrong: it is nearest to the cause.
std::string cause() {
  std::string text;
  const auto take = [](unsigned, const H5E_error2_t* error, void* to) -> herr_t {
    if (error->desc) *static_cast<std::string*>(to) = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, take, &text);
  return text;
}

/// Ends the reading. The library forgets what went wrong at the next call of it, so it is asked here.
template <class... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  const std::string why = cause();
  fail("hdf5", parts..., why.empty() ? "" : " (HDF5: ", why, why.empty() ? "." : ").");
}

/// An object of the HDF5 library, let go at the end of its scope.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t), const char* what, const std::string& path) : id_(id), close_(close) {
    if (id < 0) refuse(what, " of \"", path, "\" cannot be read");
  }
  ~Handle() { close_(id_); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// Lets the library read the file where it lies in memory, uncopied.
struct Image {
  static void* same(std::size_t, H5FD_file_image_op_t, void* image) { return image; }
  static void* keep(void* to, const void*, std::size_t, H5FD_file_image_op_t, void*) { return to; }
  static void* refuse(void*, std::size_t, H5FD_file_image_op_t, void*) { return nullptr; }
  static herr_t leave(void*, H5FD_file_image_op_t, void*) { return 0; }
  static void* share(void* image) { return image; }
  static herr_t leave_shared(void*) { return 0; }
};

class ChildReader {
 public:
  ChildReader(std::size_t size, const std::vector<std::string>& without, int descriptor)
      : values_left_(size + Hdf5Limits::slack), without_(without), descriptor_(descriptor) {}

  void read(const void* image, std::size_t size) {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    H5PLset_loading_state(0);  // a file may ask for a filter, and filters are code
    const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "the file", "");
    H5FD_file_image_callbacks_t callbacks{Image::same,  Image::keep,         Image::refuse,           Image::leave,
                                          Image::share, Image::leave_shared, const_cast<void*>(image)};
    if (H5Pset_fapl_core(access, 64 << 10, 0) < 0 || H5Pset_file_image_callbacks(access, &callbacks) < 0 ||
        H5Pset_file_image(access, const_cast<void*>(image), size) < 0)
      refuse("the file cannot be placed in memory");
    const Handle file(H5Fopen("image", H5F_ACC_RDONLY, access), H5Fclose, "the file", "");
    const Handle root(H5Gopen2(file, "/", H5P_DEFAULT), H5Gclose, "the root", "");
    read_group(root, "", 0);
    put(Hdf5Record::end);
    flush();
  }

  void report(const std::string& problem) {
    put(Hdf5Record::problem);
    put(problem.substr(0, Hdf5Limits::text));
    flush();
  }

 private:
  void write(const void* bytes, std::size_t count) {
    const auto* place = static_cast<const char*>(bytes);
    while (count > 0) {
      const ssize_t written = ::write(descriptor_, place, count);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) _exit(1);  // nobody reads any more
      place += written;
      count -= static_cast<std::size_t>(written);
    }
  }
  void flush() {
    write(out_.data(), out_.size());
    out_.clear();
  }
  void put(Hdf5Record record) {
    if (out_.size() > piece_bytes) flush();
    out_ += static_cast<char>(record);
  }
  void put(std::uint64_t number) { out_.append(reinterpret_cast<const char*>(&number), sizeof number); }
  void put(const std::string& text) {
    put(std::uint64_t{text.size()});
    out_ += text;
  }

  void count_object() {
    if (++objects_ > Hdf5Limits::objects) refuse("it has more than ", Hdf5Limits::objects, " groups and datasets");
  }

  void read_group(hid_t group, const std::string& path, int depth) {
    if (depth > 64) refuse("\"", path.substr(0, 80), "\" lies too deep");
    count_object();
    put(Hdf5Record::group);
    put(path);
    read_attributes(group, path);
    std::vector<std::string> names;
    const auto note = [](hid_t, const char* name, const H5L_info_t*, void* all) -> herr_t {
      auto& known = *static_cast<std::vector<std::string>*>(all);
      known.emplace_back(name);
      return known.size() > Hdf5Limits::objects ? -1 : 0;
    };
    if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, note, &names) < 0)
      refuse("the names in \"", path, "\" cannot be read");
    for (const std::string& name : names) {
      if (depth == 0 && std::find(without_.begin(), without_.end(), name) != without_.end()) continue;
      const std::string inner = path.empty() ? name : path + '/' + name;
      if (inner.size() > Hdf5Limits::text) refuse("a path has more than ", Hdf5Limits::text, " bytes");
      H5L_info_t link;
      if (H5Lget_info(group, name.c_str(), &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD)
        refuse("\"", inner, "\" is a link, which Keras never writes");
      const Handle object(H5Oopen(group, name.c_str(), H5P_DEFAULT), H5Oclose, "the header", inner);
      const H5I_type_t type = H5Iget_type(object);
      if (type == H5I_GROUP)
        read_group(object, inner, depth + 1);
      else if (type == H5I_DATASET)
        read_dataset(object, inner);
    }
  }

  void read_attributes(hid_t group, const std::string& path) {
    H5O_info_t info;
    if (H5Oget_info(group, &info) < 0) refuse("the attributes of \"", path, "\" cannot be counted");
    for (hsize_t i = 0; i < info.num_attrs; ++i) {
      count_object();
      const Handle attribute(H5Aopen_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT, H5P_DEFAULT),
                             H5Aclose, "an attribute", path);
      char name[256] = {};
      if (H5Aget_name(attribute, sizeof name, name) < 0) refuse("an attribute of \"", path, "\" has no name");
      std::vector<std::string> texts;
      if (!read_texts(attribute, path + " @" + name, texts)) continue;
      put(Hdf5Record::attribute);
      put(std::string(name));
      put(std::uint64_t{texts.size()});
      for (const std::string& text : texts) put(text);
    }
  }

  /// False where the attribute holds numbers.
  bool read_texts(hid_t attribute, const std::string& path, std::vector<std::string>& texts) {
    const Handle type(H5Aget_type(attribute), H5Tclose, "the type", path);
    const Handle space(H5Aget_space(attribute), H5Sclose, "the shape", path);
    const hssize_t count = H5Sget_simple_extent_npoints(space);
    if (count == 0) return true;
    if (H5Tget_class(type) != H5T_STRING) return false;
    if (count < 0 || static_cast<std::size_t>(count) > Hdf5Limits::objects) refuse("\"", path, "\" is too long");
    const auto number = static_cast<std::size_t>(count);
    if (H5Tis_variable_str(type) > 0) {
      std::vector<char*> pointers(number, nullptr);
      const Handle memory(H5Tcopy(type), H5Tclose, "the type", path);
      if (H5Aread(attribute, memory, pointers.data()) < 0) refuse("\"", path, "\" cannot be read");
      std::size_t total = 0;
      for (const char* text : pointers) {  // left to the end of the process: freeing is where the library crashes
        texts.emplace_back(text ? text : "");
        if ((total += texts.back().size()) > Hdf5Limits::attribute) refuse("\"", path, "\" is too long");
      }
      return true;
    }
    const std::size_t size = H5Tget_size(type);
    if (size == 0 || size > Hdf5Limits::attribute / number) refuse("\"", path, "\" is too long");
    std::string bytes(size * number, '\0');
    if (H5Aread(attribute, type, bytes.data()) < 0) refuse("\"", path, "\" cannot be read");
    for (std::size_t i = 0; i < number; ++i) {
      const std::string text = bytes.substr(i * size, size);
      texts.push_back(text.substr(0, text.find('\0')));
    }
    return true;
  }

  void read_dataset(hid_t dataset, const std::string& path) {
    count_object();
    const Handle type(H5Dget_type(dataset), H5Tclose, "the type", path);
    const Handle space(H5Dget_space(dataset), H5Sclose, "the shape", path);
    const Handle creation(H5Dget_create_plist(dataset), H5Pclose, "the layout", path);
    const H5D_layout_t layout = H5Pget_layout(creation);
    if ((layout != H5D_CONTIGUOUS && layout != H5D_COMPACT && layout != H5D_CHUNKED) ||
        H5Pget_external_count(creation) != 0)
      refuse("\"", path, "\" keeps its values in another file");
    const int axes = H5Sget_simple_extent_ndims(space);
    if (axes < 0 || static_cast<std::size_t>(axes) > Hdf5Limits::axes) refuse("\"", path, "\" has no shape");
    std::vector<hsize_t> lengths(static_cast<std::size_t>(axes) + 1);
    if (H5Sget_simple_extent_dims(space, lengths.data(), nullptr) < 0) refuse("\"", path, "\" has no shape");
    lengths.resize(static_cast<std::size_t>(axes));
    const bool floats = H5Tget_class(type) == H5T_FLOAT;
    std::size_t bytes = sizeof(float);
    for (const hsize_t length : lengths) {
      if (length != 0 && bytes > (values_left_ + sizeof(float)) / length)
        bytes = values_left_ + 1;
      else
        bytes *= length;
    }
    if (floats && bytes > values_left_) refuse("\"", path, "\" holds more values than the file has room for");
    put(Hdf5Record::dataset);
    put(path);
    put(std::uint64_t{floats});
    put(std::uint64_t{lengths.size()});
    for (const hsize_t length : lengths) put(std::uint64_t{length});
    flush();
    if (!floats) return;
    values_left_ -= bytes;
    if (bytes > 0) read_values(dataset, space, lengths, bytes, path);
  }

  /// In pieces of whole rows, so that a tensor need not fit into the child's memory.
  void read_values(hid_t dataset, hid_t space, std::vector<hsize_t> lengths, std::size_t bytes,
                   const std::string& path) {
    const hsize_t rows = lengths.empty() ? 1 : lengths[0];
    const std::size_t row_bytes = bytes / rows;
    const hsize_t rows_at_once = std::clamp<hsize_t>(piece_bytes / row_bytes, 1, rows);
    std::vector<char> values(rows_at_once * row_bytes);
    std::vector<hsize_t> start(lengths.size(), 0);
    for (hsize_t row = 0; row < rows; row += rows_at_once) {
      const hsize_t now = std::min(rows_at_once, rows - row);
      hid_t memory = H5S_ALL, part = H5S_ALL;
      if (!lengths.empty()) {
        start[0] = row;
        lengths[0] = now;
        memory = H5Screate_simple(static_cast<int>(lengths.size()), lengths.data(), nullptr);
        part = space;
        if (memory < 0 ||
            H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, lengths.data(), nullptr) < 0)
          refuse("\"", path, "\" has no shape");
      }
      const herr_t done = H5Dread(dataset, H5T_NATIVE_FLOAT, memory, part, H5P_DEFAULT, values.data());
      if (memory != H5S_ALL) H5Sclose(memory);
      if (done < 0) refuse("the values of \"", path, "\" cannot be read");
      write(values.data(), now * row_bytes);
    }
  }

  std::size_t values_left_;
  std::size_t objects_ = 0;
  const std::vector<std::string>& without_;
  int descriptor_;
  std::string out_;
};

}  // namespace

void read_hdf5_in_child(const void* image, std::size_t size, const std::vector<std::string>& without, int descriptor) {
  ChildReader reader(size, without, descriptor);
  try {
    reader.read(image, size);
  } catch (const Error& error) {
    reader.report(std::string(error.what()).substr(std::strlen("[hdf5] ")));
  }
}

}  // namespace mien

#endif  // MIEN_HDF5_BUILT
