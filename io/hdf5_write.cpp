#include "mien/io/hdf5.h"
#include "mien/io/hdf5_lock.h"
#include "mien/kernels/error.h"

#ifdef MIEN_HDF5_BUILT

#define H5_USE_110_API  // the functions of HDF5 1.10, in later ones too
#include <hdf5.h>

namespace mien {
namespace {

/// An object of the HDF5 library; throws where it could not be made.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(checked(id)), close_(close) {}
  ~Handle() { close_(id_); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator hid_t() const { return id_; }

  template <class Result>
  static Result checked(Result result) {
    check(result >= 0, "hdf5", "the library could not make the file: is there memory for a copy of the weights?");
    return result;
  }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// Names as Keras 3 stores them: one text of variable length, or a list of them.
void write_texts(hid_t group, const std::string& name, const std::vector<std::string>& texts, bool list) {
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  Handle::checked(H5Tset_size(type, H5T_VARIABLE));
  Handle::checked(H5Tset_cset(type, H5T_CSET_UTF8));
  const hsize_t count = texts.size();
  const Handle space(list ? H5Screate_simple(1, &count, nullptr) : H5Screate(H5S_SCALAR), H5Sclose);
  const Handle attribute(H5Acreate2(group, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  if (!texts.empty()) Handle::checked(H5Awrite(attribute, type, pointers.data()));
}

void write_dataset(hid_t file, const std::string& path, const Tensor& value, hid_t links) {
  const std::vector<hsize_t> lengths(value.shape().begin(), value.shape().end());
  const Handle space(lengths.empty() ? H5Screate(H5S_SCALAR)
                                     : H5Screate_simple(static_cast<int>(lengths.size()), lengths.data(), nullptr),
                     H5Sclose);
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  Handle::checked(H5Pset_obj_track_times(creation, false));  // the same contents give the same bytes
  const Handle dataset(H5Dcreate2(file, path.c_str(), H5T_IEEE_F32LE, space, links, creation, H5P_DEFAULT), H5Dclose);
  const std::vector<float> values = value.to_vector();
  if (!values.empty())
    Handle::checked(H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
}

}  // namespace

std::string hdf5_bytes(const Hdf5File& contents) {
  const std::lock_guard lock(hdf5_lock());
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  std::size_t expected = 1 << 16;
  for (const auto& [path, value] : contents.datasets)
    expected += static_cast<std::size_t>(value.size()) * sizeof(float) + 1024;
  Handle::checked(H5Pset_fapl_core(access, expected / 4 + (1 << 16), false));  // in memory, growing by so much
  const Handle file(H5Fcreate("weights", H5F_ACC_TRUNC, H5P_DEFAULT, access), H5Fclose);
  const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  Handle::checked(H5Pset_create_intermediate_group(links, 1));
  const Handle group_creation(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
  for (const auto& [path, attributes] : contents.groups) {
    const Handle group(path.empty() ? H5Gopen2(file, "/", H5P_DEFAULT)
                                    : H5Gcreate2(file, path.c_str(), links, group_creation, H5P_DEFAULT),
                       H5Gclose);
    for (const auto& [name, texts] : attributes) write_texts(group, name, texts, texts.size() != 1);
  }
  for (const auto& [path, value] : contents.datasets) write_dataset(file, path, value, links);
  Handle::checked(H5Fflush(file, H5F_SCOPE_LOCAL));
  const ssize_t size = Handle::checked(H5Fget_file_image(file, nullptr, 0));
  std::string bytes(static_cast<std::size_t>(size), '\0');
  Handle::checked(H5Fget_file_image(file, bytes.data(), bytes.size()));
  return bytes;
}

}  // namespace mien

#endif  // MIEN_HDF5_BUILT
