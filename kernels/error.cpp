#include "mien/kernels/error.h"

#include "mien/kernels/view.h"

namespace mien {

void fail_outside_view(std::int64_t index, std::int64_t size) {
  fail("view", "element ", index, " lies outside a view of ", size, " elements.");
}

}  // namespace mien
