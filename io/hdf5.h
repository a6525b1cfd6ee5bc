// HDF5 files as Keras uses them: groups of groups with named texts and arrays of float32.
//
// Files of unknown origin make the HDF5 library crash, hang and allocate without end. So read_hdf5() lets a child
// process with limits read them (limited_child.h), which hands back plain values, and believes none of them before it
// has looked.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "mien/core/tensor.h"
#include "mien/io/input_file.h"

namespace mien {

/// Whether this build has HDF5; without it, the functions below throw an Error that says so.
bool has_hdf5();

struct Hdf5File {
  /// Texts by name; empty lists also where the file has an empty list of numbers: so Keras writes "no names".
  using Attributes = std::map<std::string, std::vector<std::string>, std::less<>>;

  std::map<std::string, Attributes, std::less<>> groups;  ///< by path: "" is the root, "layers/conv2d" within it
  std::map<std::string, Tensor, std::less<>> datasets;    ///< by path; absent where the file holds other than floats
};

/// Reads a whole file but for the groups called `without` in its root. Throws Error where it is damaged, has links to
/// other files, or holds more numbers than its size can explain; takes no more memory than 64 MB and the file's size
/// beyond the values.
Hdf5File read_hdf5(const FilePart& part, const std::vector<std::string>& without = {});

/// The bytes of a file with these groups and datasets; groups above those named are made as needed, and an attribute of
/// one text is no list. The same contents give the same bytes.
std::string hdf5_bytes(const Hdf5File& file);

}  // namespace mien
