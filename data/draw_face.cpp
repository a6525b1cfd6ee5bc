// draw_face: the layers in order, then the camera (blur, vignette, brightness, contrast, noise, eight bits).
#include "mien/data/draw_face.h"

#include <initializer_list>

#include "mien/core/random.h"
#include "mien/data/face_canvas.h"
#include "mien/kernels/error.h"

namespace mien {

namespace {

// Numbers no face could have would end as undefined conversions to pixels.
void check_numbers(const char* what, std::initializer_list<float> numbers) {
  for (const float number : numbers)
    check(std::abs(number) <= 10, "draw_face", what, "'s numbers must be -10 to 10. Got ", number, ".");
}

void check_arguments(const FaceIdentity& identity, const FaceExpression& expression, const FaceView& view, int size) {
  check(size >= 16 && size <= 4096, "draw_face", "a picture's side must be 16 to 4096 pixels. Got size=", size, ".");
  check_numbers("an identity",
                {identity.head_width,   identity.jaw_taper,   identity.jaw_squareness, identity.skin,
                 identity.neck_width,   identity.ear_size,    identity.cheekbones,     identity.hair,
                 identity.hairline,     identity.hair_volume, identity.parting,        identity.hair_length,
                 identity.beard,        identity.brow_height, identity.brow_length,    identity.brow_thickness,
                 identity.brow_arch,    identity.brow_tone,   identity.eye_height,     identity.eye_spacing,
                 identity.eye_width,    identity.eye_opening, identity.eye_tilt,       identity.iris,
                 identity.eye_bags,     identity.nose_length, identity.nose_width,     identity.nose_bridge,
                 identity.mouth_height, identity.mouth_width, identity.lip_thickness,  identity.lip_tone,
                 identity.glasses,      identity.age,         identity.shirt,          identity.collar});
  for (const FaceMole& mole : identity.moles) check_numbers("a mole", {mole.x, mole.y, mole.radius});
  check_numbers(
      "an expression",
      {expression.brow_raise, expression.brow_slant, expression.brow_pinch, expression.eye_open, expression.lower_lid,
       expression.lid_droop, expression.gaze_x, expression.gaze_y, expression.mouth_curve, expression.mouth_open,
       expression.mouth_stretch, expression.mouth_skew, expression.lip_press, expression.teeth, expression.cheek_raise,
       expression.nasolabial, expression.forehead_lines, expression.nose_wrinkle});
  check_numbers("a view",
                {view.shift_x, view.shift_y, view.scale, view.roll, view.yaw, view.pitch, view.light_x, view.light_y,
                 view.ambient, view.background, view.background_slope_x, view.background_slope_y, view.clutter,
                 view.brightness, view.contrast, view.vignette, view.noise});
  const auto at_least = [](float value, float least, const char* name) {
    check(value >= least, "draw_face", name, " must be at least ", least, ". Got ", name, "=", value, ".");
  };
  at_least(identity.head_width, 0.2f, "head_width"), at_least(identity.eye_width, 0.02f, "eye_width");
  at_least(identity.mouth_width, 0.02f, "mouth_width"), at_least(identity.brow_length, 0.02f, "brow_length");
  at_least(identity.ear_size, 0.02f, "ear_size"), at_least(identity.nose_width, 0.02f, "nose_width");
  at_least(view.scale, 0.05f, "scale");
  check(view.blur >= 0 && view.blur <= 0.1f, "draw_face", "blur must be 0 to 0.1 of the side. Got blur=", view.blur,
        ".");
}

// Gaussian blur of a square picture, edges repeated; rows, then columns. The contents of `scratch` are lost.
void blur(std::vector<float>& tones, std::vector<float>& scratch, int size, float deviation) {
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
  std::vector<float> padded(side + 2 * padding);
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
  scratch.assign(tones.size(), 0.0f);
  for (int y = 0; y < size; ++y)
    for (int i = -reach; i <= reach; ++i) {
      const float weight = weights[static_cast<std::size_t>(std::abs(i))];
      const float* from = &tones[static_cast<std::size_t>(std::clamp(y + i, 0, size - 1)) * side];
      float* to = &scratch[static_cast<std::size_t>(y) * side];
      for (std::size_t x = 0; x < side; ++x) to[x] += weight * from[x];
    }
  tones.swap(scratch);
}

// One row of the camera's noise, of deviation 1: a pixel's is the sum of its word's four bytes, which is nearly normal.
void fill_noise(std::vector<float>& noise, std::uint64_t seed, std::uint64_t row) {
  constexpr float byte_sum_deviation = 147.8f;
  const std::uint64_t stream = stream_of(Purpose::faces, 1), blocks = noise.size() / 4;
  for (std::uint64_t block = 0; block < blocks; ++block) {
    const PhiloxBlock words = philox(seed, stream, row * blocks + block);
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint32_t word = words.word[i];
      const int sum = static_cast<int>((word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24));
      noise[4 * block + i] = static_cast<float>(sum - 510) * (1 / byte_sum_deviation);
    }
  }
}

// The picture as the camera stores it.
Image expose(const std::vector<float>& tones, const FaceView& view, int size) {
  Image image(size, size, 1);
  std::vector<float> noise((static_cast<std::size_t>(size) + 3) / 4 * 4, 0.0f);
  const float middle = 0.5f * static_cast<float>(size), offset = 0.5f + view.brightness - 0.5f * view.contrast;
  for (int y = 0; y < size; ++y) {
    if (view.noise > 0) fill_noise(noise, view.noise_seed, static_cast<std::uint64_t>(y));
    const float down = (static_cast<float>(y) + 0.5f) / middle - 1;
    const float* const row = &tones[static_cast<std::size_t>(y) * static_cast<std::size_t>(size)];
    std::uint8_t* const stored = image.row(y);
    for (int x = 0; x < size; ++x) {
      const float across = (static_cast<float>(x) + 0.5f) / middle - 1;
      const float seen = row[x] * (1 - 0.5f * view.vignette * (across * across + down * down));
      const float tone = seen * view.contrast + offset + view.noise * noise[static_cast<std::size_t>(x)];
      stored[x] = static_cast<std::uint8_t>(face::clamp_unit(tone) * 255 + 0.5f);
    }
  }
  return image;
}

}  // namespace

Image draw_face(const FaceIdentity& identity, const FaceExpression& expression, const FaceView& view, int size) {
  check_arguments(identity, expression, view, size);
  static thread_local face::Planes planes;
  face::Canvas canvas(planes, identity, expression, view, size);
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
  blur(planes.tones, planes.lit, size, view.blur * static_cast<float>(size));
  return expose(planes.tones, view, size);
}

}  // namespace mien
