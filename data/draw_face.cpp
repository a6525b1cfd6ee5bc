// draw_face: the layers in order, then the camera (blur, vignette, brightness, contrast, noise, eight bits).
#include "mien/data/draw_face.h"

#include "mien/core/random.h"
#include "mien/data/face_canvas.h"
#include "mien/kernels/error.h"

namespace mien {

namespace {

// Gaussian blur of a square picture, edges repeated; rows, then columns.
void blur(std::vector<float>& tones, int size, float deviation) {
  const int reach = std::min(static_cast<int>(std::ceil(2.5f * deviation)), size - 1);
  if (reach < 1 || deviation < 0.15f) return;
  std::vector<float> weights(static_cast<std::size_t>(reach) + 1);
  float sum = 0;
  for (int i = 0; i <= reach; ++i) {
    const float x = static_cast<float>(i) / deviation;
    weights[static_cast<std::size_t>(i)] = std::exp(-0.5f * x * x);
    sum += weights[static_cast<std::size_t>(i)] * (i == 0 ? 1.0f : 2.0f);
  }
  for (float& weight : weights) weight /= sum;

  const std::size_t side = static_cast<std::size_t>(size), padding = static_cast<std::size_t>(reach);
  std::vector<float> padded(side + 2 * padding), result(tones.size(), 0.0f);
  for (std::size_t y = 0; y < side; ++y) {
    float* row = &tones[y * side];
    std::fill_n(padded.begin(), padding, row[0]);
    std::copy_n(row, side, padded.begin() + reach);
    std::fill_n(padded.begin() + reach + size, padding, row[side - 1]);
    const float* centre = padded.data() + padding;
    for (std::size_t x = 0; x < side; ++x) row[x] = weights[0] * centre[x];
    for (int i = 1; i <= reach; ++i)
      for (int x = 0; x < size; ++x) row[x] += weights[static_cast<std::size_t>(i)] * (centre[x - i] + centre[x + i]);
  }
  for (int y = 0; y < size; ++y)
    for (int i = -reach; i <= reach; ++i) {
      const float weight = weights[static_cast<std::size_t>(std::abs(i))];
      const float* from = &tones[static_cast<std::size_t>(std::clamp(y + i, 0, size - 1)) * side];
      float* to = &result[static_cast<std::size_t>(y) * side];
      for (std::size_t x = 0; x < side; ++x) to[x] += weight * from[x];
    }
  tones.swap(result);
}

// The picture as the camera stores it. The noise of a pixel is the sum of its word's four bytes: nearly normal.
Image expose(const std::vector<float>& tones, const FaceView& view, int size) {
  constexpr float byte_deviation = 147.8f;  // of the sum of four uniform bytes
  Image image(size, size, 1);
  const std::uint64_t stream = stream_of(Purpose::faces, 1);
  const float middle = 0.5f * static_cast<float>(size);
  PhiloxBlock block{};
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      const std::size_t i = static_cast<std::size_t>(y) * static_cast<std::size_t>(size) + static_cast<std::size_t>(x);
      const float across = (static_cast<float>(x) + 0.5f) / middle - 1,
                  down = (static_cast<float>(y) + 0.5f) / middle - 1;
      float tone = tones[i] * (1 - 0.5f * view.vignette * (across * across + down * down));
      tone = (tone - 0.5f) * view.contrast + 0.5f + view.brightness;
      if (view.noise > 0) {
        if (i % 4 == 0) block = philox(view.noise_seed, stream, i / 4);
        const std::uint32_t word = block.word[i % 4];
        const int bytes = static_cast<int>((word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24));
        tone += view.noise * (static_cast<float>(bytes) - 510) / byte_deviation;
      }
      image.pixels[i] = static_cast<std::uint8_t>(std::clamp(tone, 0.0f, 1.0f) * 255 + 0.5f);
    }
  return image;
}

}  // namespace

Image draw_face(const FaceIdentity& identity, const FaceExpression& expression, const FaceView& view, int size) {
  check(size >= 16 && size <= 4096, "draw_face", "a picture's side must be 16 to 4096 pixels. Got size=", size, ".");
  face::Canvas canvas(identity, expression, view, size);
  face::paint_background(canvas, view);
  face::paint_back_hair(canvas, identity);
  face::paint_body(canvas, identity, view);
  face::paint_head(canvas, identity, view);
  face::paint_wrinkles(canvas, identity, expression);
  face::paint_nose(canvas, identity, expression, view);
  face::paint_eyes(canvas, identity, expression);
  face::paint_beard(canvas, identity, expression);
  face::paint_mouth(canvas, identity, expression);
  face::paint_brows(canvas, identity, expression);
  face::paint_hair(canvas, identity);
  face::paint_glasses(canvas, identity);
  canvas.apply_light(view);
  blur(canvas.tones(), size, view.blur * static_cast<float>(size));
  return expose(canvas.tones(), view, size);
}

}  // namespace mien
