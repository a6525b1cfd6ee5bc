// The HDF5 library keeps its state without locks of its own: one thread at a time.
#pragma once

#include <mutex>

namespace mien {

std::mutex& hdf5_lock();

}  // namespace mien
