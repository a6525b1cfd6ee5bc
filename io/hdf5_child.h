// What the child process does that reads an HDF5 file, and the records that it writes for its parent (hdf5.cpp).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace mien {

/// A record begins with one of these bytes. Numbers are 64 bits wide, in the machine's order; a text is its length and
/// its bytes.
enum class Hdf5Record : char {
  group = 'G',      ///< path
  attribute = 'A',  ///< of the group before: name, number of texts, texts
  dataset = 'D',    ///< path, 1 if values follow or else 0, number of axes, their lengths; the values, float32
  problem = 'P',    ///< what is wrong: text
  end = 'E',
};

/// Limits on what is in a file, known to both sides.
struct Hdf5Limits {
  static constexpr std::size_t text = 64 << 10;      ///< bytes of a path or name
  static constexpr std::size_t attribute = 4 << 20;  ///< bytes of an attribute
  static constexpr std::size_t all_texts = 8 << 20;  ///< bytes of all paths, names and attributes
  static constexpr std::size_t objects = 50'000;     ///< groups, datasets and attributes, and texts in attributes
  static constexpr std::size_t axes = 32;            ///< of a dataset: HDF5's own limit
  static constexpr std::size_t slack = 8 << 20;      ///< bytes of values beyond the file's size (compressed files)
};

/// Reads the file in memory with the HDF5 library and writes records to the descriptor, the last one a problem or an
/// end. To be called in a LimitedChild.
void read_hdf5_in_child(const void* image, std::size_t size, const std::vector<std::string>& without, int descriptor);

}  // namespace mien
