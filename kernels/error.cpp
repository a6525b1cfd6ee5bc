#include "mien/kernels/error.h"

#include "mien/kernels/view.h"

namespace mien {

void fail_outside_view(ViewIndex index, std::int64_t size) {
  const std::string_view file = index.file;  // found at npos + 1 = 0 where there is no slash
  fail("view", "element ", index.value, " lies outside a view of ", size, " elements, at ",
       file.substr(file.rfind('/') + 1), ":", index.line, ".");
}

}  // namespace mien
