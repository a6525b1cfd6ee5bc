// Streams, events and graphs: what runs in order, what runs side by side, and what is recorded once and replayed.
//
// A launch costs the host several microseconds, and a training step has hundreds of them. So a step of fixed shape is
// captured once, as a graph of launches with their arguments, and then replayed by one call. What changes from step to
// step is read from device memory; what a captured step writes lies where it lay at capture.
//
// The emulator has the same interface. It records launches with copies of their arguments. Its copy stream runs at once
// in forward order; in any other, as late as events and calls that wait allow, so that a wait that is missing shows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "mien/kernels/cuda/launch.h"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

/// All launches go to the compute stream, in the order of the calls; copies that need not hold them up to the other.
enum class Stream : std::uint8_t { compute, copy };

/// A mark in a stream: what was given to it before has been done when the mark is passed.
class Event {
 public:
  Event();
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  /// Sets the mark behind everything that `stream` has been given so far. Throws Error while a graph is captured.
  void record(Stream stream);
  /// The host waits here until the mark is passed. Throws Error where none was set.
  void synchronize() const;

 private:
  friend void wait(Stream stream, const Event& event);
  struct Mark;
  std::unique_ptr<Mark> mark_;
};

/// What `stream` is given from here on begins when the event's mark is passed; the host goes on. Throws Error where no
/// mark was set, and while a graph is captured.
void wait(Stream stream, const Event& event);

/// Copies to the device in the copy stream; an event says when. The host's bytes must stay as they are until then, and
/// lie in pinned memory, or the host waits all the same. Throws Error while a graph is captured.
void copy_from_host_async(const void* host, void* device, std::size_t bytes);

/// What a function has launched, to be launched again as a whole.
class Graph {
 public:
  /// Calls `work`. Its launches and its copies from device to device, in the compute stream and from this thread, are
  /// recorded and not run. No other thread may launch meanwhile. Throws Error where it allocates memory, copies to or
  /// from the host or captures another graph, and passes on what it throws.
  explicit Graph(const std::function<void()>& work);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// Runs what was recorded, in the compute stream, in order.
  void replay() const;
  /// Launches and copies in it.
  std::size_t size() const;

 private:
  struct Recorded;
  std::unique_ptr<Recorded> recorded_;
};

#if defined(MIEN_KERNELS_EMULATED)
/// Does what the copy stream has been given, as everything does that waits for the whole device.
void finish_copies();
#endif

/// Throws Error where this thread captures a graph: `what`, in words, cannot be part of it.
void refuse_in_graph(const char* what);

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
