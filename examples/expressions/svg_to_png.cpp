#include "svg_to_png.h"

#include "mien/io/image.h"
#include "mien/kernels/error.h"

#ifdef MIEN_RSVG
#include <librsvg/rsvg.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace mien::expressions {

namespace {

struct Release {
  void operator()(RsvgHandle* handle) const { g_object_unref(handle); }
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_t* context) const { cairo_destroy(context); }
};
template <class T>
using Owned = std::unique_ptr<T, Release>;

void check_done(bool done, GError* error) {
  if (done) return;
  const std::string cause = error ? error->message : "unknown cause";
  g_clear_error(&error);
  check(false, "svg_to_png", "librsvg cannot draw the picture: ", cause, ".");
}

Image pixels_of(cairo_surface_t* surface, int width, int height) {
  cairo_surface_flush(surface);
  Image image(height, width, 3);
  const unsigned char* const data = cairo_image_surface_get_data(surface);
  const auto stride = static_cast<std::size_t>(cairo_image_surface_get_stride(surface));
  for (int y = 0; y < height; ++y) {
    const auto* const row = reinterpret_cast<const std::uint32_t*>(data + static_cast<std::size_t>(y) * stride);
    for (int x = 0; x < width; ++x)
      for (int channel = 0; channel < 3; ++channel)
        image.at(y, x, channel) = static_cast<std::uint8_t>(row[x] >> (16 - 8 * channel));
  }
  return image;
}

}  // namespace

bool can_make_png() { return true; }

std::string png_of(const std::string& svg, int width_pixels) {
  const auto fits = [](double side) { return side >= 16 && side <= 16384; };
  check(fits(width_pixels), "svg_to_png", "a picture is 16 to 16384 pixels wide. Got ", width_pixels, ".");
  GError* error = nullptr;
  const Owned<RsvgHandle> handle(
      rsvg_handle_new_from_data(reinterpret_cast<const guint8*>(svg.data()), svg.size(), &error));
  check_done(handle != nullptr, error);
  gboolean has_box = FALSE;
  RsvgRectangle box{};
  rsvg_handle_get_intrinsic_dimensions(handle.get(), nullptr, nullptr, nullptr, nullptr, &has_box, &box);
  check(has_box && box.width > 0 && box.height > 0, "svg_to_png", "the picture has no viewBox.");
  const int width = width_pixels, height = static_cast<int>(std::lround(width_pixels * box.height / box.width));
  check(fits(height), "svg_to_png", "a picture is 16 to 16384 pixels high. Got ", height, ".");

  const Owned<cairo_surface_t> surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height));
  const Owned<cairo_t> context(cairo_create(surface.get()));
  cairo_set_source_rgb(context.get(), 1, 1, 1);
  cairo_paint(context.get());
  const RsvgRectangle viewport{0, 0, static_cast<double>(width), static_cast<double>(height)};
  check_done(rsvg_handle_render_document(handle.get(), context.get(), &viewport, &error), error);
  check(cairo_status(context.get()) == CAIRO_STATUS_SUCCESS, "svg_to_png",
        "cairo: ", cairo_status_to_string(cairo_status(context.get())), ".");
  return encode_png(pixels_of(surface.get(), width, height));
}

}  // namespace mien::expressions

#else

namespace mien::expressions {

bool can_make_png() { return false; }

std::string png_of(const std::string&, int) {
  fail("svg_to_png", "this program was built without librsvg (Debian: librsvg2-dev), which draws PNG files.");
}

}  // namespace mien::expressions

#endif
