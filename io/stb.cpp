// stb_image and stb_image_write, compiled once, as private code of this file so that a program with a copy of its own
// links all the same.
//
// The decoder gets its memory from a purse that each call fills: a file whose data unpacks to more than its header
// says ends as an error instead of taking the machine. The memory comes zeroed, so that a corrupt file that makes the
// decoder use what it never wrote gives the same pixels every time.
#include "mien/io/stb.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace {

thread_local std::size_t purse = 0;

struct alignas(std::max_align_t) BlockHeader {
  std::size_t size;
};

void* take(std::size_t size) {
  if (size > purse) return nullptr;
  auto* block = static_cast<BlockHeader*>(std::calloc(1, sizeof(BlockHeader) + size));
  if (block == nullptr) return nullptr;
  purse -= size;
  block->size = size;
  return block + 1;
}

void give_back(void* memory) {
  if (memory == nullptr) return;
  BlockHeader* block = static_cast<BlockHeader*>(memory) - 1;
  purse += block->size;
  std::free(block);
}

void* take_more(void* memory, std::size_t size) {
  void* larger = take(size);
  if (larger == nullptr || memory == nullptr) return larger;
  std::memcpy(larger, memory, std::min(size, (static_cast<BlockHeader*>(memory) - 1)->size));
  give_back(memory);
  return larger;
}

}  // namespace

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#define STBI_MALLOC(size) take(size)
#define STBI_REALLOC(memory, size) take_more(memory, size)
#define STBI_FREE(memory) give_back(memory)
#define STBI_ASSERT(rule) ((void)0)  // a bad file must not end the process
#define STBI_NO_STDIO
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_ONLY_GIF
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

namespace mien::detail {
namespace {

void append(void* text, void* data, int size) {
  static_cast<std::string*>(text)->append(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

}  // namespace

StbResult stb_decode(std::span<const std::uint8_t> bytes, int channels, std::size_t memory) {
  purse = memory;
  StbResult result;
  int channels_in_file = 0;
  stbi_uc* pixels = stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &result.width, &result.height,
                                          &channels_in_file, channels);
  if (pixels == nullptr) {
    const char* reason = stbi_failure_reason();
    result.failure = reason != nullptr && *reason != '\0' ? reason : "corrupt data";
    return result;
  }
  const auto size = static_cast<std::size_t>(result.width) * static_cast<std::size_t>(result.height) *
                    static_cast<std::size_t>(channels);
  result.pixels.assign(pixels, pixels + size);
  stbi_image_free(pixels);
  return result;
}

std::string stb_encode_png(const std::uint8_t* pixels, int height, int width, int channels) {
  std::string bytes;
  if (!stbi_write_png_to_func(append, &bytes, width, height, channels, pixels, width * channels)) bytes.clear();
  return bytes;
}

std::string stb_encode_jpeg(const std::uint8_t* pixels, int height, int width, int channels, int quality) {
  std::string bytes;
  if (!stbi_write_jpg_to_func(append, &bytes, width, height, channels, pixels, quality)) bytes.clear();
  return bytes;
}

}  // namespace mien::detail
