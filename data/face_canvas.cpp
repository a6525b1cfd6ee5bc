// The canvas's geometry: pixels to the head plane to the head's surface and back; strokes; light.
#include "mien/data/face_canvas.h"

namespace mien::face {

namespace {

// The ellipsoid that carries the features is this much larger than the head, so that features near the outline are
// still on its front.
constexpr float surface_margin = 1.15f;

}  // namespace

Canvas::Canvas(Planes& planes, const FaceIdentity& identity, const FaceExpression& expression, const FaceView& view,
               int size)
    : tone_(planes.tones),
      lit_(planes.lit),
      places_(planes.places),
      size_(size),
      head_width_(identity.head_width),
      jaw_taper_(identity.jaw_taper),
      jaw_squareness_(identity.jaw_squareness),
      per_chin_(1 / (1 + 0.1f * std::max(expression.mouth_open, 0.0f))) {
  const float side = static_cast<float>(size);
  pixel_ = 1 / (0.37f * view.scale * side);
  centre_x_ = (0.5f + view.shift_x) * side, centre_y_ = (0.52f + view.shift_y) * side;
  per_head_width_ = 1 / head_width_, per_surface_width_ = 1 / (surface_margin * head_width_);
  cos_roll_ = std::cos(view.roll), sin_roll_ = std::sin(view.roll);
  cos_yaw_ = std::cos(view.yaw), sin_yaw_ = std::sin(view.yaw);
  cos_pitch_ = std::cos(view.pitch), sin_pitch_ = std::sin(view.pitch);
  const std::size_t pixels = static_cast<std::size_t>(size) * static_cast<std::size_t>(size);
  tone_.assign(pixels, 0), lit_.assign(pixels, 0), places_.resize(pixels);
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      // Far from the head nothing is asked of a place but that it is far.
      const Point p = to_plane(x, y);
      const bool near = std::abs(p.x) < head_width_ + 0.5f && std::abs(p.y) < 1.5f;
      const float outline = near ? head_outline(p) : 1;
      places_[index(x, y)] = {outline < 0.4f ? surface_of_plane(p) : p, outline};
    }
}

Point Canvas::surface_of_plane(Point p) const {
  const float width = surface_margin * head_width_, height = surface_margin;
  const float x = p.x * per_surface_width_, y = p.y * (1 / surface_margin);
  const float z = std::sqrt(std::max(1 - x * x - y * y, 0.0f));
  const float turned_z = x * sin_yaw_ + z * cos_yaw_;
  return {(x * cos_yaw_ - z * sin_yaw_) * width, (y * cos_pitch_ - turned_z * sin_pitch_) * height};
}

Point Canvas::plane_of_surface(Point p) const {
  const float width = surface_margin * head_width_, height = surface_margin;
  const float x = p.x / width, y = p.y / height;
  const float z = std::sqrt(std::max(1 - x * x - y * y, 0.0f));
  const float nodded_z = z * cos_pitch_ - y * sin_pitch_;
  return {(x * cos_yaw_ + nodded_z * sin_yaw_) * width, (y * cos_pitch_ + z * sin_pitch_) * height};
}

float Canvas::head_outline(Point p) const {
  // Distances are along the ray from the centre. The upper half is an ellipse …
  const float reach = length(p);
  float x = p.x * per_head_width_;
  if (p.y <= 0) return reach - reach / std::sqrt(std::max(x * x + p.y * p.y, 1e-6f));
  // … the lower a squircle x² + y² - s x²y² = 1, narrowed towards the chin.
  const float y = p.y * per_chin_, lower = std::min(y, 1.2f);
  x /= std::max(1 - jaw_taper_ * y * y * lower, 0.3f);
  const float squareness = jaw_squareness_ * std::min(y, 1.0f);
  const float square = x * x + y * y - squareness * std::min(x * x, 1.6f) * std::min(y * y, 1.6f);
  return reach - reach / std::sqrt(std::max(square, 1e-6f));
}

Canvas::Pixels Canvas::pixels_round(std::initializer_list<Point> plane_points, float margin) const {
  float left = 1e9f, top = 1e9f, right = -1e9f, bottom = -1e9f;
  for (const Point p : plane_points) {
    const float x = centre_x_ + (cos_roll_ * p.x - sin_roll_ * p.y) / pixel_;
    const float y = centre_y_ + (sin_roll_ * p.x + cos_roll_ * p.y) / pixel_;
    left = std::min(left, x), right = std::max(right, x), top = std::min(top, y), bottom = std::max(bottom, y);
  }
  const auto inside = [&](float x) { return static_cast<int>(std::clamp(x, 0.0f, static_cast<float>(size_))); };
  return {inside(left - margin), inside(top - margin), inside(right + margin + 1), inside(bottom + margin + 1)};
}

Canvas::Pixels Canvas::plane_pixels(Box box) const {
  return pixels_round({{box.left, box.top}, {box.right, box.top}, {box.left, box.bottom}, {box.right, box.bottom}}, 1);
}

Canvas::Pixels Canvas::surface_pixels(Box box) const {
  const float middle_x = (box.left + box.right) / 2, middle_y = (box.top + box.bottom) / 2;
  const auto at = [&](float x, float y) { return plane_of_surface({x, y}); };
  return pixels_round(
      {at(box.left, box.top), at(middle_x, box.top), at(box.right, box.top), at(box.left, middle_y),
       at(box.right, middle_y), at(box.left, box.bottom), at(middle_x, box.bottom), at(box.right, box.bottom)},
      2 + 0.02f / pixel_);
}

void Canvas::stroke(Point a, Point b, Point c, float radius, Ink ink) {
  if (ink.opacity <= 0.01f) return;
  paint_surface(box_round({a, b, c}, radius + ink.softness), ink, [&](Point p) {
    const auto [distance, place] = curve(p, a, b, c);
    const float off = 2 * place - 1;
    return distance - radius * (1 - 0.7f * off * off);
  });
}

void Canvas::apply_light(const FaceView& view) {
  const float light_z = std::sqrt(std::max(1 - view.light_x * view.light_x - view.light_y * view.light_y, 0.05f));
  const float per_width = 1 / (1.1f * head_width_), per_height = 1 / 1.1f;
  for (int y = 0; y < size_; ++y)
    for (int x = 0; x < size_; ++x) {
      const std::size_t i = index(x, y);
      if (lit_[i] <= 0) continue;
      const Point p = to_plane(x, y);
      // Below the chin the body is lit as a cylinder: the normal no longer turns down.
      Point normal{p.x * per_width, std::clamp(p.y * per_height, -0.95f, 0.8f)};
      float square = normal.x * normal.x + normal.y * normal.y;
      if (square > 0.94f) {
        normal = std::sqrt(0.94f / square) * normal;
        square = 0.94f;
      }
      const float normal_z = std::sqrt(1 - square);
      const float facing = std::max(normal.x * view.light_x + normal.y * view.light_y + normal_z * light_z, 0.0f);
      const float light = view.ambient + 1.35f * (1 - view.ambient) * facing;
      tone_[i] *= mix(1, light, lit_[i]);
    }
}

}  // namespace mien::face
