// `expressions` on the emulated GPU: every op of a training runs there, and it learns as on the CPU.
#include <cmath>

#include "expressions_testing.h"
#include "mien/io/csv.h"

using namespace mien;
using namespace mien::testing;

namespace {

/// loss and val_loss of a run, epoch by epoch.
std::vector<double> losses(const std::filesystem::path& run) {
  const CsvTable history = read_csv(run / "history.csv");
  std::vector<double> values;
  for (std::size_t epoch = 0; epoch < history.rows(); ++epoch)
    for (const char* name : {"loss", "val_loss"}) values.push_back(history.number(epoch, history.column(name)));
  return values;
}

}  // namespace

TEST_CASE("on the emulated GPU a training on 40 pictures has the CPU's losses, which fall") {
  const Workplace place;
  REQUIRE(place.run({"synth", "faces", "--people", "4", "--takes", "2", "--size", "32", "--quiet"}).exit_code == 0);
  for (const char* device : {"cpu", "cuda_emulated"}) {
    const Outcome trained = place.run(
        Workplace::training(device, {"--device", device, "--network", "small_face", "--epochs", "5", "--batch", "8"}));
    INFO(trained.err);
    REQUIRE(trained.exit_code == 0);
  }
  const std::vector<double> cpu = losses(place / "cpu"), emulated = losses(place / "cuda_emulated");
  REQUIRE(cpu.size() == 10);
  REQUIRE(emulated.size() == 10);
  for (std::size_t i = 0; i < cpu.size(); ++i) {
    INFO("number " << i << ": " << cpu[i] << " on the CPU, " << emulated[i] << " emulated");
    CHECK(std::abs(cpu[i] - emulated[i]) < 1e-4);
  }
  CHECK(emulated[8] < emulated[0] / 2);
  CHECK(cpu != emulated);  // its kernels sum in another order: the same bits would be the CPU's
}
