// Memory of the device: blocks, copies, and fill.
//
// All work goes through one stream of ours, in the order of the calls; only a copy to or from the host waits for it.
// A stream of its own, and not CUDA's default one, because work on it can be captured as a graph and replayed. The
// emulator's device is the host: its blocks are the host's, its copies memcpy.
#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#include "mien/kernels/cuda/graph.h"
#include "mien/kernels/cuda/launch.h"
#include "mien/kernels/cuda/scratch.h"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

#if defined(MIEN_KERNELS_EMULATED)

namespace {
constexpr std::align_val_t alignment{64};
}

void allocate(std::size_t bytes, void** block) {
  refuse_in_graph("an allocation of memory");
  *block = ::operator new(bytes, alignment, std::nothrow);
  check(*block != nullptr, "memory", "the host has no room for ", bytes, " bytes.");
}

void release(void* block) {
  finish_copies();
  ::operator delete(block, alignment);
}

void copy_from_host(const void* host, void* device, std::size_t bytes) {
  refuse_in_graph("a copy from the host");
  if (bytes > 0) std::memcpy(device, host, bytes);
}

void copy_to_host(const void* device, void* host, std::size_t bytes) {
  refuse_in_graph("a copy to the host");
  if (bytes > 0) std::memcpy(host, device, bytes);
}

void copy(const void* from, void* to, std::size_t bytes) {
  if (bytes == 0) return;
  if (is_recording())
    record_work([=] { std::memcpy(to, from, bytes); });
  else
    std::memcpy(to, from, bytes);
}

#else

cudaStream_t stream() {
  static const cudaStream_t created = [] {
    cudaStream_t stream = nullptr;
    check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
    return stream;
  }();
  return created;
}

void allocate(std::size_t bytes, void** block) {
  refuse_in_graph("an allocation of memory");
  // CUDA gives null for nothing; one byte keeps an empty tensor's pointer a pointer.
  const cudaError_t result = cudaMalloc(block, bytes > 0 ? bytes : 1);
  if (result == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // forgets the error, so that a smaller request may follow
    std::size_t free_bytes = 0, all_bytes = 0;
    check_cuda(cudaMemGetInfo(&free_bytes, &all_bytes), "memory");
    fail("memory", "the GPU has no room for ", bytes, " bytes: ", free_bytes, " of ", all_bytes, " are free.");
  }
  check_cuda(result, "memory");
}

void release(void* block) { check_cuda(cudaFree(block), "memory"); }

void copy_from_host(const void* host, void* device, std::size_t bytes) {
  refuse_in_graph("a copy from the host");
  check_cuda(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream()), "copy_from_host");
  check_cuda(cudaStreamSynchronize(stream()), "copy_from_host");  // the caller may reuse its memory
}

void copy_to_host(const void* device, void* host, std::size_t bytes) {
  refuse_in_graph("a copy to the host");
  check_cuda(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream()), "copy_to_host");
  check_cuda(cudaStreamSynchronize(stream()), "copy_to_host");
}

void copy(const void* from, void* to, std::size_t bytes) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream()), "copy");
}

#endif

namespace {

constexpr std::int64_t scratch_alignment = 256;

__global__ void fill_each(View<float> y, float value) {
  const int i = global_thread();
  if (i < y.size) y[i] = value;
}

// What Scratch cuts its pieces from. A block that has become too small is kept: outer pieces lie in it, and so may what
// a captured step has seen. Each is at least twice the one before, so all are at most twice the largest.
struct ScratchBlocks {
  std::recursive_mutex mutex;
  std::vector<void*> blocks;  // the last is the one in use
  std::int64_t size = 0, used = 0;
};

ScratchBlocks& scratch_blocks() {
  static ScratchBlocks* const kept = new ScratchBlocks;  // never destroyed: the driver may be gone before it
  return *kept;
}

}  // namespace

void fill(View<float> y, float value) { launch_each("fill", fill_each, y.size, y, value); }

Scratch::Scratch(std::int64_t bytes)
    : lock_(scratch_blocks().mutex), bytes_(divide_up(bytes, scratch_alignment) * scratch_alignment) {
  ScratchBlocks& kept = scratch_blocks();
  if (kept.used + bytes_ > kept.size) {
    const std::int64_t size = std::max(kept.used + bytes_, 2 * kept.size);
    void* block = nullptr;
    allocate(static_cast<std::size_t>(size), &block);
    kept.blocks.push_back(block);
    kept.size = size;
  }
  piece_ = kept.blocks.empty() ? nullptr : static_cast<char*>(kept.blocks.back()) + kept.used;
  kept.used += bytes_;
}

Scratch::~Scratch() { scratch_blocks().used -= bytes_; }

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
