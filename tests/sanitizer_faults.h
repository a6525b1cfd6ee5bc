// Counts what the sanitizers find in code of ours, in this process and all that it forks. To be included by one source
// of a program.
//
// HDF5 runs in a child whose crash is meant to become an Error, and its faults are the address sanitizer's to report as
// well: the child ends, as by a crash. So a fault of ours in that child would pass for one of HDF5's. Here they are
// told apart: which comes first in the report's stack, this program or HDF5's library? That needs sanitizers that are
// libraries themselves, as g++ has them; elsewhere nothing is counted.
#pragma once

#include <atomic>

#if defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#define MIEN_FAULTS_ARE_COUNTED 1
#else
#define MIEN_FAULTS_ARE_COUNTED 0
#endif

#if MIEN_FAULTS_ARE_COUNTED
#include <dlfcn.h>
#include <execinfo.h>
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <cstring>
#include <new>
#include <string_view>
#endif

namespace mien::testing {

struct SanitizerFaults {
  std::atomic<int> ours{0}, hdf5s{0};
};

#if MIEN_FAULTS_ARE_COUNTED

/// Shared with all that is forked after the first call.
inline SanitizerFaults& sanitizer_faults() {
  static SanitizerFaults& faults = [&]() -> SanitizerFaults& {
    void* place = mmap(nullptr, sizeof(SanitizerFaults), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) throw std::bad_alloc();
    void* frame;
    backtrace(&frame, 1);  // the first call loads a library, for which a child may have no memory
    return *new (place) SanitizerFaults;
  }();
  return faults;
}

inline void count_fault() {
  void* frames[32];
  const int count = backtrace(frames, 32);
  const auto library = [&](void* address) {
    Dl_info info{};
    return dladdr(address, &info) != 0 && info.dli_fname ? std::string_view(info.dli_fname) : std::string_view();
  };
  const std::string_view program = library(reinterpret_cast<void*>(&count_fault));
  int place = 0;
  while (place < count && library(frames[place]) != program) ++place;  // backtrace is the sanitizer's
  while (place < count && library(frames[place]) == program) ++place;  // this function and the one that called it
  while (place < count && library(frames[place]) != program && library(frames[place]).find("/libhdf5") == program.npos)
    ++place;
  // A stack that cannot be followed so far counts as ours: it is looked into then.
  ++(place == count || library(frames[place]) == program ? sanitizer_faults().ours : sanitizer_faults().hdf5s);
}

#else

inline SanitizerFaults& sanitizer_faults() {
  static SanitizerFaults none;
  return none;
}

#endif

}  // namespace mien::testing

#if MIEN_FAULTS_ARE_COUNTED
/// The sanitizers call these before they print a report.
extern "C" void __asan_on_error() {
  // The child that reads HDF5 has little memory on purpose, and the sanitizer takes more of it than a release would.
  if (std::strcmp(__asan_get_report_description(), "out-of-memory") != 0) mien::testing::count_fault();
}
extern "C" void __ubsan_on_report() { mien::testing::count_fault(); }
#endif
