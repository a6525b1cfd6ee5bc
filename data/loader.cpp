#include "mien/data/loader.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>

#include "mien/core/random.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

/// Hands batches from the thread that makes them to the one that uses them, in order, at most `limit` waiting.
class Queue {
 public:
  explicit Queue(std::size_t limit) : limit_(limit) {}

  /// False where nobody will take it any more.
  bool put(Batch batch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || waiting_.size() < limit_; });
    if (closed_) return false;
    waiting_.push_back(std::move(batch));
    changed_.notify_all();
    return true;
  }

  /// Throws what the maker threw, once the batches before it are taken.
  Batch take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failure_ || !waiting_.empty(); });
    if (waiting_.empty()) std::rethrow_exception(failure_);
    Batch batch = std::move(waiting_.front());
    waiting_.pop_front();
    changed_.notify_all();
    return batch;
  }

  void fail(std::exception_ptr failure) {
    std::lock_guard lock(mutex_);
    failure_ = failure;
    changed_.notify_all();
  }

  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

 private:
  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> waiting_;
  std::exception_ptr failure_;
  bool closed_ = false;
};

/// Lets the calling thread run wherever OpenMP's threads may. Where those keep to a core each, a new thread inherits
/// the core of the one that started it, and the two would share it.
void run_on_all_processors() {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  for (int place = 0; place < omp_get_num_places(); ++place) {
    std::vector<int> numbers(static_cast<std::size_t>(omp_get_place_num_procs(place)));
    omp_get_place_proc_ids(place, numbers.data());
    for (const int number : numbers) CPU_SET(number, &processors);
  }
  if (CPU_COUNT(&processors) > 0) sched_setaffinity(0, sizeof processors, &processors);  // where it fails: as before
}

}  // namespace

Loader::Loader(Dataset dataset, LoaderOptions options) : dataset_(std::move(dataset)), options_(options) {
  check(!dataset_.empty(), "loader", "the data set holds no picture.");
  check(options_.batch >= 1, "loader", "a batch holds at least one picture. Got batch=", options_.batch, ".");
  check(options_.prefetch >= 0, "loader", "prefetch must be at least 0. Got ", options_.prefetch, ".");
  if (options_.augment) check_augmentation(*options_.augment);
}

std::vector<int> Loader::order(int epoch) const {
  if (options_.shuffle)
    return Random(options_.seed, Purpose::shuffle, static_cast<std::uint64_t>(epoch)).permutation(dataset_.size());
  std::vector<int> order(static_cast<std::size_t>(dataset_.size()));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

template <class T>
void Loader::augment_into(float* images, const std::vector<int>& indices, int epoch) const {
  const Shape shape = dataset_.image_shape();
  std::vector<const T*> pictures;
  for (const int index : indices) pictures.push_back(dataset_.pixels<T>(index));
  kernels::cpu::parallel_for(static_cast<std::int64_t>(indices.size()), [&](std::int64_t i) {
    const auto place = static_cast<std::size_t>(i);
    const PictureTransform transform = draw_transform(*options_.augment, static_cast<int>(shape[0]),
                                                      static_cast<int>(shape[1]), options_.seed, epoch, indices[place]);
    apply_transform(transform, *options_.augment, shape, pictures[place], images + i * shape.size(),
                    options_.augmented_scale);
  });
}

Batch Loader::make(const std::vector<int>& order, int epoch, int number) const {
  Batch batch;
  batch.number = number;
  const auto begin = order.begin() + std::ptrdiff_t{number} * options_.batch;
  batch.indices.assign(begin, begin + std::min<std::ptrdiff_t>(order.end() - begin, options_.batch));
  if (!options_.augment) {
    batch.images = dataset_.images(batch.indices);
  } else {
    batch.images = Tensor::empty(dataset_.image_shape().with_batch(static_cast<std::int64_t>(batch.indices.size())));
    float* const images = batch.images.view().data;
    if (dataset_.dtype() == DType::uint8)
      augment_into<std::uint8_t>(images, batch.indices, epoch);
    else
      augment_into<float>(images, batch.indices, epoch);
  }
  batch.labels = dataset_.labels(batch.indices);
  return batch;
}

void Loader::run(int epoch, const std::function<bool(const Batch&)>& use, int first) const {
  const std::vector<int> pictures = order(epoch);
  const int count = batch_count();
  if (options_.prefetch == 0) {
    for (int number = first; number < count; ++number)
      if (!use(make(pictures, epoch, number))) return;
    return;
  }
  Queue queue(static_cast<std::size_t>(options_.prefetch));
  std::thread maker([&] {
    run_on_all_processors();
    try {
      for (int number = first; number < count; ++number)
        if (!queue.put(make(pictures, epoch, number))) return;
    } catch (...) {
      queue.fail(std::current_exception());
    }
  });
  struct Closer {
    Queue& queue;
    std::thread& thread;
    ~Closer() {
      queue.close();
      thread.join();
    }
  } closer{queue, maker};
  for (int number = first; number < count; ++number)
    if (!use(queue.take())) return;
}

}  // namespace mien
