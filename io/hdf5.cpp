#include "mien/io/hdf5.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>

#include "mien/io/hdf5_child.h"
#include "mien/io/hdf5_lock.h"
#include "mien/io/limited_child.h"
#include "mien/io/text.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

/// Reading may take so long, and longer for large files on slow disks.
double seconds_for(std::uint64_t size) { return 8 + static_cast<double>(size) / 16e6; }

/// A part of a file as memory, read as it is touched.
class MappedPart {
 public:
  explicit MappedPart(const FilePart& part) {
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    const std::uint64_t begin = part.offset / page * page;
    length_ = static_cast<std::size_t>(part.offset + part.size - begin);
    void* const place =
        mmap(nullptr, length_, PROT_READ, MAP_PRIVATE, part.file->descriptor(), static_cast<off_t>(begin));
    check(place != MAP_FAILED, part.file->name(), "could not be read: ", std::generic_category().message(errno), ".");
    place_ = place;
    bytes_ = static_cast<const char*>(place) + (part.offset - begin);
  }
  ~MappedPart() { munmap(place_, length_); }
  MappedPart(const MappedPart&) = delete;
  MappedPart& operator=(const MappedPart&) = delete;
  const void* bytes() const { return bytes_; }

 private:
  void* place_ = nullptr;
  std::size_t length_ = 0;
  const char* bytes_ = nullptr;
};

/// Reads the child's records. The child may have been turned against us: every number is looked at before it is used.
class RecordReader {
 public:
  RecordReader(LimitedChild& child, std::string where, std::uint64_t size)
      : child_(child), where_(std::move(where)), values_left_(size + Hdf5Limits::slack) {}

  Hdf5File read() {
    Hdf5File file;
    Hdf5File::Attributes* attributes = nullptr;
    for (std::size_t count = 0;; ++count) {
      require(count <= Hdf5Limits::objects + 1);
      char record;
      child_.read(&record, 1);
      switch (static_cast<Hdf5Record>(record)) {
        case Hdf5Record::group:
          attributes = &file.groups[path()];
          break;
        case Hdf5Record::attribute:
          require(attributes != nullptr);
          read_attribute(*attributes);
          break;
        case Hdf5Record::dataset:
          read_dataset(file);
          break;
        case Hdf5Record::problem:
          fail(where_, printable(text(Hdf5Limits::text)));
        case Hdf5Record::end:
          require(file.groups.count("") == 1);
          return file;
        default:
          require(false);
      }
    }
  }

 private:
  void require(bool rule) const {
    check(rule, where_, "the process that read it wrote nonsense: the file is damaged.");
  }

  std::uint64_t number(std::uint64_t most) {
    std::uint64_t value;
    child_.read(&value, sizeof value);
    require(value <= most);
    return value;
  }
  std::string text(std::size_t most) {
    const std::uint64_t length = number(std::min<std::uint64_t>(most, text_left_));
    text_left_ -= length;
    std::string result(length, '\0');
    child_.read(result.data(), result.size());
    return result;
  }
  std::string path() {
    std::string result = text(Hdf5Limits::text);
    check(paths_.insert(result).second, where_, "\"", printable(result), "\" is there twice.");
    return result;
  }

  void read_attribute(Hdf5File::Attributes& attributes) {
    std::vector<std::string>& texts = attributes[text(Hdf5Limits::text)];
    texts.clear();
    for (std::uint64_t left = number(Hdf5Limits::objects); left > 0; --left) {
      require(--texts_left_ > 0);
      texts.push_back(text(Hdf5Limits::attribute));
    }
  }

  void read_dataset(Hdf5File& file) {
    const std::string name = path();
    Tensor& value = file.datasets[name];
    const bool has_values = number(1) == 1;
    const std::uint64_t axes = number(Hdf5Limits::axes);
    std::vector<std::uint64_t> lengths;
    for (std::uint64_t i = 0; i < axes; ++i) lengths.push_back(number(~std::uint64_t{0}));
    if (!has_values) return;
    check(axes <= static_cast<std::uint64_t>(Shape::max_rank), where_, "\"", printable(name), "\": at most ",
          Shape::max_rank, " axes can be read. Got ", axes, ".");
    Shape shape;
    std::uint64_t bytes = sizeof(float);
    for (const std::uint64_t length : lengths) {
      require(length <= std::uint64_t{1} << 48);
      require(length == 0 || bytes <= (values_left_ + sizeof(float)) / length);
      bytes *= length;
      shape.append(static_cast<std::int64_t>(length));
    }
    require(bytes <= values_left_);
    values_left_ -= bytes;
    value = Tensor::empty(shape);
    if (bytes > 0) child_.read(value.view().data, bytes);
  }

  LimitedChild& child_;
  std::string where_;
  std::uint64_t values_left_;
  std::uint64_t text_left_ = Hdf5Limits::all_texts;
  std::int64_t texts_left_ = Hdf5Limits::objects;
  std::set<std::string> paths_;
};

}  // namespace

std::mutex& hdf5_lock() {
  static std::mutex lock;
  return lock;
}

#ifdef MIEN_HDF5_BUILT

bool has_hdf5() { return true; }

Hdf5File read_hdf5(const FilePart& part, const std::vector<std::string>& without) {
  const std::string& where = part.file->name();
  check(part.size > 0, where, "the file is empty.");
  const MappedPart mapped(part);
  std::unique_lock lock(hdf5_lock());  // the child inherits the library's state: no thread may be changing it
  LimitedChild child(where, {.memory = (std::uint64_t{48} << 20) + part.size, .seconds = seconds_for(part.size)},
                     [&](int descriptor) {
                       read_hdf5_in_child(mapped.bytes(), static_cast<std::size_t>(part.size), without, descriptor);
                     });
  lock.unlock();
  return RecordReader(child, where, part.size).read();
}

#else

bool has_hdf5() { return false; }

namespace {
constexpr const char* no_hdf5 =
    "Keras's files are HDF5, and this build of mien is without it: install libhdf5-dev and configure anew.";
}

Hdf5File read_hdf5(const FilePart& part, const std::vector<std::string>&) { fail(part.file->name(), no_hdf5); }

std::string hdf5_bytes(const Hdf5File&) { fail("hdf5", no_hdf5); }

#endif

}  // namespace mien
