#include "mien/kernels/cuda/graph.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <vector>

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

namespace {

thread_local bool capturing = false;

// A capture by this thread, however it ends.
struct Capture {
  Capture() {
    refuse_in_graph("another graph");
    capturing = true;
  }
  ~Capture() { capturing = false; }
};

}  // namespace

void refuse_in_graph(const char* what) {
  check(!capturing, "graph", what, " cannot be part of a graph that is captured.");
}

#if defined(MIEN_KERNELS_EMULATED)

namespace {

// The copies that wait to run, oldest first.
class CopyStream {
 public:
  void add(std::function<void()> copy) {
    const std::lock_guard<std::mutex> lock(mutex_);
    waiting_.push_back(std::move(copy));
    ++added_;
    if (thread_order() == ThreadOrder::forward) run_until(added_);
  }
  std::size_t added() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return added_;
  }
  /// Runs the first `count` of all that were ever added, as far as they have not run.
  void finish(std::size_t count) {
    const std::lock_guard<std::mutex> lock(mutex_);
    run_until(count);
  }

 private:
  void run_until(std::size_t count) {
    const std::size_t done = added_ - waiting_.size();
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::max(count, done) - done);
    for (auto copy = waiting_.begin(); copy != end; ++copy) (*copy)();
    waiting_.erase(waiting_.begin(), end);
  }

  std::mutex mutex_;
  std::vector<std::function<void()>> waiting_;
  std::size_t added_ = 0;
};

CopyStream& copy_stream() {
  static CopyStream* const kept = new CopyStream;  // never destroyed: memory may be released after it
  return *kept;
}

}  // namespace

void finish_copies() { copy_stream().finish(copy_stream().added()); }

// Launches run at once: only the copy stream has marks that may lie ahead.
struct Event::Mark {
  bool set = false;
  std::size_t copies = 0;
};

Event::Event() : mark_(std::make_unique<Mark>()) {}
Event::~Event() = default;

void Event::record(Stream stream) {
  refuse_in_graph("an event");
  *mark_ = {true, stream == Stream::copy ? copy_stream().added() : 0};
}

void Event::synchronize() const {
  check(mark_->set, "event", "nothing was recorded that could be waited for.");
  copy_stream().finish(mark_->copies);
}

void wait(Stream, const Event& event) {
  refuse_in_graph("an event");
  event.synchronize();
}

void copy_from_host_async(const void* host, void* device, std::size_t bytes) {
  refuse_in_graph("a copy from the host");
  copy_stream().add([=] { std::memcpy(device, host, bytes); });
}

struct Graph::Recorded {
  std::vector<std::function<void()>> work;
};

namespace {
thread_local std::vector<std::function<void()>>* recorded_work = nullptr;  // of the capture
}

bool is_recording() { return capturing; }

void record_work(std::function<void()> work) { recorded_work->push_back(std::move(work)); }

Graph::Graph(const std::function<void()>& work) : recorded_(std::make_unique<Recorded>()) {
  const Capture capture;
  recorded_work = &recorded_->work;
  work();
}

Graph::~Graph() = default;

void Graph::replay() const {
  refuse_in_graph("another graph");
  for (const std::function<void()>& launch : recorded_->work) launch();
}

std::size_t Graph::size() const { return recorded_->work.size(); }

#else

namespace {

cudaStream_t copy_stream() {
  static const cudaStream_t created = [] {
    cudaStream_t stream = nullptr;
    check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
    return stream;
  }();
  return created;
}

cudaStream_t of(Stream name) { return name == Stream::compute ? stream() : copy_stream(); }

}  // namespace

struct Event::Mark {
  cudaEvent_t event = nullptr;
  bool set = false;
};

Event::Event() : mark_(std::make_unique<Mark>()) {
  check_cuda(cudaEventCreateWithFlags(&mark_->event, cudaEventDisableTiming), "event");
}

Event::~Event() { cudaEventDestroy(mark_->event); }

void Event::record(Stream stream) {
  refuse_in_graph("an event");
  check_cuda(cudaEventRecord(mark_->event, of(stream)), "event");
  mark_->set = true;
}

void Event::synchronize() const {
  check(mark_->set, "event", "nothing was recorded that could be waited for.");
  check_cuda(cudaEventSynchronize(mark_->event), "event");
}

void wait(Stream stream, const Event& event) {
  refuse_in_graph("an event");
  check(event.mark_->set, "event", "nothing was recorded that could be waited for.");
  check_cuda(cudaStreamWaitEvent(of(stream), event.mark_->event, 0), "event");
}

void copy_from_host_async(const void* host, void* device, std::size_t bytes) {
  refuse_in_graph("a copy from the host");
  check_cuda(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, copy_stream()), "copy_from_host_async");
}

struct Graph::Recorded {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;

  ~Recorded() {
    if (executable) cudaGraphExecDestroy(executable);
    if (graph) cudaGraphDestroy(graph);
  }
};

Graph::Graph(const std::function<void()>& work) : recorded_(std::make_unique<Recorded>()) {
  const Capture capture;
  check_cuda(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeThreadLocal), "graph");
  try {
    work();
  } catch (...) {
    cudaStreamEndCapture(stream(), &recorded_->graph);
    throw;
  }
  check_cuda(cudaStreamEndCapture(stream(), &recorded_->graph), "graph");
  check_cuda(cudaGraphInstantiate(&recorded_->executable, recorded_->graph, 0), "graph");
}

Graph::~Graph() = default;

void Graph::replay() const {
  refuse_in_graph("another graph");
  check_cuda(cudaGraphLaunch(recorded_->executable, stream()), "graph");
}

std::size_t Graph::size() const {
  std::size_t count = 0;
  check_cuda(cudaGraphGetNodes(recorded_->graph, nullptr, &count), "graph");
  return count;
}

#endif

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
