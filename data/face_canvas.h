// The canvas under draw_face: the mapping from pixels to the head's surface, signed distances, and ink.
//
// Three coordinate systems. A pixel's place in the picture maps to the *head plane* (roll, scale and shift undone), and
// from there to the *surface* (yaw and pitch undone on an ellipsoid a little larger than the head). Silhouettes are
// drawn in the head plane, features on the surface. Every mark has a box, and only pixels of that box are visited.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <vector>

#include "mien/data/draw_face.h"

namespace mien::face {

struct Point {
  float x = 0, y = 0;
};

inline Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
inline Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
inline Point operator*(float s, Point a) { return {s * a.x, s * a.y}; }
inline float length(Point a) { return std::sqrt(a.x * a.x + a.y * a.y); }

struct Box {
  float left, top, right, bottom;
};

/// The box round some points, wider by `margin` on each side.
inline Box box_round(std::initializer_list<Point> points, float margin) {
  Box box{1e9f, 1e9f, -1e9f, -1e9f};
  for (const Point p : points) {
    box.left = std::min(box.left, p.x - margin), box.right = std::max(box.right, p.x + margin);
    box.top = std::min(box.top, p.y - margin), box.bottom = std::max(box.bottom, p.y + margin);
  }
  return box;
}

inline float mix(float a, float b, float share) { return a + (b - a) * share; }
/// Nearly a sine, from two parabolas: cheap, and the same on every C library.
inline float wave(float phase) {
  const float turns = phase * 0.15915494f;
  const float t = turns - static_cast<float>(static_cast<int>(turns + (turns < 0 ? -0.5f : 0.5f)));
  return 8 * t - 16 * t * std::abs(t);
}
inline float clamp_unit(float x) { return std::min(std::max(x, 0.0f), 1.0f); }
inline float smooth_step(float low, float high, float x) {
  const float t = clamp_unit((x - low) / (high - low));
  return t * t * (3 - 2 * t);
}

/// Signed distance to an ellipse (first order, exact in sign): negative inside.
inline float ellipse(Point p, Point centre, Point radius) {
  const Point q{(p.x - centre.x) / radius.x, (p.y - centre.y) / radius.y};
  const float k = length(q), gradient = length({q.x / radius.x, q.y / radius.y});
  return gradient > 1e-6f ? k * (k - 1) / gradient : -std::min(radius.x, radius.y);
}

/// Distance to the segment from a to b, and its square.
inline float segment_squared(Point p, Point a, Point b) {
  const Point d = b - a, q = p - a;
  const float t = clamp_unit((q.x * d.x + q.y * d.y) / std::max(d.x * d.x + d.y * d.y, 1e-9f));
  const Point off = q - t * d;
  return off.x * off.x + off.y * off.y;
}
inline float segment(Point p, Point a, Point b) { return std::sqrt(segment_squared(p, a, b)); }

/// Signed distance to a box with rounded corners.
inline float rounded_box(Point p, Point centre, Point half, float corner) {
  const Point q{std::abs(p.x - centre.x) - half.x + corner, std::abs(p.y - centre.y) - half.y + corner};
  return length({std::max(q.x, 0.0f), std::max(q.y, 0.0f)}) + std::min(std::max(q.x, q.y), 0.0f) - corner;
}

/// Distance to the quadratic Bézier curve from a to c with control point b, and the place on it (0 to 1).
struct CurvePlace {
  float distance, place;
};
inline CurvePlace curve(Point p, Point a, Point b, Point c) {
  constexpr int pieces = 4;
  CurvePlace best{1e9f, 0};
  Point from = a;
  for (int i = 1; i <= pieces; ++i) {
    const float t = static_cast<float>(i) / pieces, s = 1 - t;
    const Point to = s * s * a + 2 * s * t * b + t * t * c;
    const float distance = segment_squared(p, from, to);
    if (distance < best.distance) best = {distance, t - 0.5f / pieces};
    from = to;
  }
  return {std::sqrt(best.distance), best.place};
}

/// What a mark is painted with.
struct Ink {
  float tone;
  float opacity = 1;
  float softness = 0;  ///< width of its edge beyond the one pixel of antialiasing
};

/// What is known of each pixel once and for all: its point of the surface, and its signed distance to the head's
/// outline in the head plane.
struct Place {
  Point surface;
  float outline;
};

/// A canvas's memory, one element a pixel. Kept from picture to picture: fresh memory from the system costs as much
/// time as a fifth of the drawing.
struct Planes {
  std::vector<float> tones, lit;  ///< lit: the share of a pixel that belongs to the person
  std::vector<Place> places;
};

class Canvas {
 public:
  /// A blank canvas on `planes`, which it takes over until it goes.
  Canvas(Planes& planes, const FaceIdentity& identity, const FaceExpression& expression, const FaceView& view,
         int size);

  int size() const { return size_; }
  std::vector<float>& tones() { return tone_; }

  /// Paints where distance(point) is negative; `distance` takes a point of the head plane.
  template <class Distance>
  void paint_plane(Box box, Ink ink, Distance distance) {
    paint(plane_pixels(box), ink, [&](int x, int y) { return Mark{distance(to_plane(x, y)), ink.tone}; });
  }

  /// The same for a point of the head's surface.
  template <class Distance>
  void paint_surface(Box box, Ink ink, Distance distance) {
    paint(surface_pixels(box), ink, [&](int x, int y) {
      return Mark{distance(places_[index(x, y)].surface), ink.tone};
    });
  }

  struct Mark {
    float distance, tone;
  };

  /// The same where distance and tone depend on all of it: mark(plane point, place) gives a Mark.
  template <class MarkAt>
  void paint_textured(Box plane_box, Ink ink, MarkAt mark) {
    paint(plane_pixels(plane_box), ink, [&](int x, int y) { return mark(to_plane(x, y), places_[index(x, y)]); });
  }

  /// A soft stroke on the surface along a curve, thickest in its middle.
  void stroke(Point a, Point b, Point c, float radius, Ink ink);

  /// What was painted so far is background: the light on the head does not fall on it.
  void forget_lit() { std::fill(lit_.begin(), lit_.end(), 0.0f); }

  /// Multiplies what belongs to the person by the light that falls on the head.
  void apply_light(const FaceView& view);

 private:
  struct Pixels {
    int left, top, right, bottom;  // right and bottom excluded
  };

  Point to_plane(int x, int y) const {
    const float dx = static_cast<float>(x) + 0.5f - centre_x_, dy = static_cast<float>(y) + 0.5f - centre_y_;
    return {(cos_roll_ * dx + sin_roll_ * dy) * pixel_, (cos_roll_ * dy - sin_roll_ * dx) * pixel_};
  }
  std::size_t index(int x, int y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(size_) + static_cast<std::size_t>(x);
  }
  float head_outline(Point p) const;
  Point surface_of_plane(Point p) const;
  Point plane_of_surface(Point p) const;
  Pixels pixels_round(std::initializer_list<Point> plane_points, float margin) const;
  Pixels plane_pixels(Box box) const;
  Pixels surface_pixels(Box box) const;

  template <class MarkAt>
  void paint(Pixels area, Ink ink, MarkAt mark) {
    const float edge = pixel_ + ink.softness;
    for (int y = area.top; y < area.bottom; ++y)
      for (int x = area.left; x < area.right; ++x) {
        const Mark here = mark(x, y);
        float coverage = clamp_unit(0.5f - here.distance / edge);
        if (coverage <= 0) continue;
        if (ink.softness > 0) coverage = coverage * coverage * (3 - 2 * coverage);
        coverage *= ink.opacity;
        const std::size_t i = index(x, y);
        tone_[i] = mix(tone_[i], here.tone, coverage);
        lit_[i] = mix(lit_[i], 1, coverage);
      }
  }

  std::vector<float>& tone_;
  std::vector<float>& lit_;
  std::vector<Place>& places_;
  int size_;
  float pixel_;  // a pixel's side in half head heights
  float centre_x_, centre_y_, cos_roll_, sin_roll_, cos_yaw_, sin_yaw_, cos_pitch_, sin_pitch_;
  float head_width_, jaw_taper_, jaw_squareness_;
  float per_chin_, per_head_width_, per_surface_width_;  // reciprocals of lengths
};

/// The layers, in the order in which they are painted.
void paint_background(Canvas& canvas, const FaceView& view);
void paint_body(Canvas& canvas, const FaceIdentity& identity, const FaceView& view);
void paint_back_hair(Canvas& canvas, const FaceIdentity& identity);
void paint_head(Canvas& canvas, const FaceIdentity& identity, const FaceView& view);
void paint_wrinkles(Canvas& canvas, const FaceIdentity& identity, const FaceExpression& expression);
void paint_nose(Canvas& canvas, const FaceIdentity& identity, const FaceExpression& expression, const FaceView& view);
void paint_eyes(Canvas& canvas, const FaceIdentity& identity, const FaceExpression& expression);
void paint_beard(Canvas& canvas, const FaceIdentity& identity, const FaceExpression& expression);
void paint_mouth(Canvas& canvas, const FaceIdentity& identity, const FaceExpression& expression);
void paint_brows(Canvas& canvas, const FaceIdentity& identity, const FaceExpression& expression);
void paint_glasses(Canvas& canvas, const FaceIdentity& identity);
void paint_hair(Canvas& canvas, const FaceIdentity& identity);

}  // namespace mien::face
