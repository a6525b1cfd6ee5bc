// The features that carry an expression: wrinkles, nose, eyes, brows, mouth; and glasses over them.
#include "mien/data/face_canvas.h"

namespace mien::face {

namespace {

constexpr float sides[] = {-1, 1};

// A parabola of height 1 in the middle and 0 at ±1.
float dome(float x) { return std::max(1 - x * x, 0.0f); }

// An eye's opening at offset q (inner corner -1, outer corner 1): the lids' y, from the eye's centre.
struct Lids {
  float width, upper_height, lower_height, tilt, droop;

  float upper(float q) const { return -upper_height * dome(q) - tilt * q + droop * dome(q) * (0.4f + 0.8f * q); }
  float lower(float q) const { return lower_height * dome(q) - tilt * q; }
  // Signed distance of a point to the opening.
  float opening(Point p) const {
    const float q = std::clamp(p.x / width, -1.0f, 1.0f);
    const float slope = 2 * q * (upper_height + lower_height) / (2 * width);
    const float across = std::max(upper(q) - p.y, p.y - lower(q)) / std::sqrt(1 + slope * slope);
    return std::max(across, std::abs(p.x) - width);
  }
};

Lids lids_of(const FaceIdentity& identity, const FaceExpression& expression) {
  const float open =
      identity.eye_opening * std::max(1 + (expression.eye_open < 0 ? 0.95f : 0.8f) * expression.eye_open, 0.04f);
  return {.width = identity.eye_width,
          .upper_height = open,
          .lower_height =
              std::max(0.62f * (0.4f * open + 0.6f * identity.eye_opening) - 0.045f * expression.lower_lid, 0.004f),
          .tilt = identity.eye_tilt,
          .droop = 0.6f * open * std::max(expression.lid_droop, 0.0f)};
}

void paint_eye(Canvas& canvas, const FaceIdentity& identity, const FaceExpression& expression, float side) {
  const Lids lids = lids_of(identity, expression);
  const float skin = identity.skin, width = identity.eye_width;
  const Point centre{side * identity.eye_spacing, identity.eye_height};
  const Box around{centre.x - width - 0.12f, centre.y - 0.22f, centre.x + width + 0.12f, centre.y + 0.2f};
  const Box box{centre.x - width - 0.02f, centre.y - lids.upper_height - 0.05f, centre.x + width + 0.02f,
                centre.y + lids.lower_height + 0.05f};
  // A point of the surface from the eye's centre, x growing outwards.
  const auto local = [&](Point p) { return Point{side * (p.x - centre.x), p.y - centre.y}; };

  canvas.paint_surface(around, {0.72f * skin, 0.45f, 0.16f}, [&](Point p) {
    return ellipse(local(p), {-0.02f, -0.03f}, {width * 1.05f, 0.1f});
  });
  canvas.paint_surface(box, {0.93f}, [&](Point p) { return lids.opening(local(p)); });
  const float iris_radius = 0.078f;
  const Point gaze{side * 0.05f * expression.gaze_x, 0.035f * expression.gaze_y - 0.008f};
  canvas.paint_surface(box, {identity.iris}, [&](Point p) {
    return std::max(length(local(p) - gaze) - iris_radius, lids.opening(local(p)));
  });
  canvas.paint_surface(box, {0.04f}, [&](Point p) {
    return std::max(length(local(p) - gaze) - 0.45f * iris_radius, lids.opening(local(p)));
  });
  canvas.paint_surface(box, {1.0f, 0.9f}, [&](Point p) {
    const Point glint{gaze.x - 0.03f * side, gaze.y - 0.03f};
    return std::max(length(local(p) - glint) - 0.017f, lids.opening(local(p)));
  });
  // The upper lid's shadow on the eyeball, its lashes, and its fold; the lower lid's thin line.
  const auto along_lid = [&](Point p, bool upper, float offset, float thickness) {
    const Point q = local(p);
    const float t = q.x / width, clamped = std::clamp(t, -1.0f, 1.0f);
    const float y = (upper ? lids.upper(clamped) : lids.lower(clamped)) + offset;
    const float slope = 2 * clamped * lids.upper_height / width;
    return std::max(std::abs(q.y - y) / std::sqrt(1 + slope * slope) - thickness * (0.55f + 0.45f * dome(clamped)),
                    width * (std::abs(t) - 1.04f));
  };
  canvas.paint_surface(box, {0.35f, 0.5f, 0.03f},
                       [&](Point p) { return std::max(along_lid(p, true, 0.015f, 0.012f), lids.opening(local(p))); });
  canvas.paint_surface(box, {0.08f, 0.95f, 0.004f}, [&](Point p) { return along_lid(p, true, 0, 0.015f); });
  canvas.paint_surface(around, {0.4f * skin, 0.6f, 0.02f}, [&](Point p) {
    return along_lid(p, true, -0.05f - 0.02f * (1 - std::max(expression.eye_open, 0.0f)), 0.006f);
  });
  canvas.paint_surface(box, {0.35f * skin, 0.75f, 0.008f}, [&](Point p) { return along_lid(p, false, 0, 0.006f); });
  const float bag = clamp_unit(0.25f + 0.5f * identity.eye_bags + 0.5f * expression.cheek_raise);
  canvas.paint_surface(around, {0.55f * skin, 0.55f * bag, 0.035f},
                       [&](Point p) { return along_lid(p, false, 0.055f - 0.015f * expression.cheek_raise, 0.008f); });
}

}  // namespace

void paint_wrinkles(Canvas& canvas, const FaceIdentity& identity, const FaceExpression& expression) {
  const float dark = 0.5f * identity.skin, age = identity.age;
  const float rise = 0.07f * expression.brow_raise, brow = identity.brow_height;
  for (int line = 0; line < 3; ++line) {
    const float y = brow - 0.14f - 0.075f * static_cast<float>(line) - rise;
    const float bow = 0.03f + 0.02f * expression.brow_raise, reach = 0.4f - 0.04f * static_cast<float>(line);
    const float strength =
        clamp_unit(0.35f * age + 0.6f * expression.forehead_lines) * (1 - 0.2f * static_cast<float>(line));
    canvas.stroke({-reach, y + bow}, {0, y - bow}, {reach, y + bow}, 0.012f, {dark, 0.7f * strength, 0.03f});
  }
  for (const float side : sides) {
    const float pinch = clamp_unit(0.2f * age + 0.9f * expression.brow_pinch);
    canvas.stroke({0.075f * side, brow - 0.11f}, {0.045f * side, brow}, {0.065f * side, brow + 0.12f}, 0.014f,
                  {0.85f * dark, 0.85f * pinch, 0.025f});
    canvas.stroke({0.05f * side, brow + 0.2f}, {0, brow + 0.22f}, {0, brow + 0.2f}, 0.01f,
                  {dark, 0.7f * clamp_unit(expression.nose_wrinkle), 0.02f});
    // From the nose's wing to the mouth's corner: pushed outwards and deepened by a smile or a snarl.
    const float fold = clamp_unit(0.15f + 0.35f * age + 0.55f * expression.nasolabial);
    const float out =
        identity.mouth_width * (1 + 0.35f * expression.mouth_stretch) + 0.09f + 0.03f * expression.nasolabial;
    const float end =
        identity.mouth_height - 0.02f - 0.05f * expression.mouth_curve + 0.08f * std::max(expression.mouth_open, 0.0f);
    canvas.stroke({side * (identity.nose_width + 0.03f), identity.nose_length - 0.05f},
                  {side * (out - 0.02f), identity.nose_length + 0.05f}, {side * out, end}, 0.015f,
                  {0.95f * dark, 0.75f * fold, 0.04f});
    // A raised cheek: a light ball above the fold, crow's feet beside the eye.
    const float cheek = clamp_unit(expression.cheek_raise);
    const Point ball{0.43f * side, 0.24f};
    canvas.paint_surface(box_round({ball}, 0.3f), {std::min(1.18f * identity.skin, 1.0f), 0.7f * cheek, 0.18f},
                         [&](Point p) {
                           return ellipse(p, ball, {0.13f, 0.08f});
                         });
    const float eye_edge = side * (identity.eye_spacing + identity.eye_width);
    for (const float turn : {-1.0f, 0.0f, 1.0f})
      canvas.stroke({eye_edge + 0.05f * side, identity.eye_height + 0.02f * turn},
                    {eye_edge + 0.1f * side, identity.eye_height + 0.04f * turn},
                    {eye_edge + 0.14f * side, identity.eye_height + 0.09f * turn}, 0.008f,
                    {dark, 0.6f * clamp_unit(cheek * (0.4f + age) + 0.3f * age), 0.015f});
  }
}

void paint_nose(Canvas& canvas, const FaceIdentity& identity, const FaceExpression& expression, const FaceView& view) {
  const float skin = identity.skin, base = identity.nose_length, width = identity.nose_width;
  const float lift = 0.025f * clamp_unit(expression.nose_wrinkle);
  const float shade_side = view.light_x > 0 ? -1.0f : 1.0f, shade = std::abs(view.light_x);
  const float bridge = identity.nose_bridge;
  canvas.stroke({shade_side * bridge, identity.eye_height - 0.06f}, {shade_side * bridge * 0.9f, 0.1f},
                {shade_side * (width * 0.75f), base - 0.07f}, 0.035f, {0.68f * skin, 0.35f + 0.5f * shade, 0.07f});
  canvas.stroke({-0.3f * shade_side * bridge, identity.eye_height}, {0, 0.1f}, {0, base - 0.1f}, 0.025f,
                {std::min(1.15f * skin, 1.0f), 0.5f, 0.06f});
  canvas.paint_surface(box_round({{0, base}}, 0.3f), {0.62f * skin, 0.6f, 0.07f}, [&](Point p) {
    return ellipse(p, {0, base + 0.035f}, {width * 0.9f, 0.025f});
  });
  for (const float side : sides) {
    canvas.stroke({side * width * 0.85f, base - 0.11f}, {side * width * 1.3f, base - 0.04f - lift},
                  {side * width * 0.8f, base + 0.01f - lift}, 0.012f, {0.5f * skin, 0.85f, 0.015f});
    canvas.paint_surface(box_round({{side * width * 0.5f, base}}, 0.1f), {0.22f * skin, 0.9f, 0.012f}, [&](Point p) {
      return ellipse(p, {side * width * 0.5f, base + 0.008f - lift},
                     {0.04f + 0.012f * expression.nose_wrinkle, 0.018f});
    });
  }
}

void paint_eyes(Canvas& canvas, const FaceIdentity& identity, const FaceExpression& expression) {
  for (const float side : sides) paint_eye(canvas, identity, expression, side);
}

void paint_brows(Canvas& canvas, const FaceIdentity& identity, const FaceExpression& expression) {
  const float half = identity.brow_length;
  const float slant = 0.075f * expression.brow_slant;
  for (const float side : sides) {
    const Point centre{
        side * (identity.eye_spacing - 0.01f - 0.035f * std::max(expression.brow_pinch, 0.0f)),
        identity.brow_height - 0.09f * expression.brow_raise + 0.03f * std::max(-expression.brow_slant, 0.0f)};
    canvas.paint_surface(box_round({centre}, half + 0.12f), {identity.brow_tone, 0.92f, 0.018f}, [&](Point p) {
      const float q = side * (p.x - centre.x) / half, t = std::clamp(q, -1.0f, 1.0f);
      const float arch = identity.brow_arch + 0.02f * std::max(expression.brow_raise, 0.0f);
      // The inner half carries the slant: grief and anger pull there, the outer end stays.
      const float pull = 0.5f * slant * ((1 - t) * (1 - t) * 0.5f - 0.25f) + 0.6f * slant * -t;
      const float y = centre.y - arch * dome(t - 0.25f) - pull;
      const float thickness =
          identity.brow_thickness * (1 - 0.55f * smooth_step(-0.3f, 1, t)) * (0.8f + 0.2f * dome(t));
      const float slope = (1.2f * slant - 2 * arch * (t - 0.25f)) / half * 0.5f;
      return std::max(std::abs(p.y - y) / std::sqrt(1 + slope * slope) - thickness, half * (std::abs(q) - 1));
    });
  }
}

void paint_mouth(Canvas& canvas, const FaceIdentity& identity, const FaceExpression& expression) {
  const float skin = identity.skin, lip = identity.lip_tone * skin;
  const float open = std::max(expression.mouth_open, 0.0f);
  const float half = identity.mouth_width * std::max(1 + 0.33f * expression.mouth_stretch, 0.3f);
  const float thin = 1 - 0.6f * clamp_unit(expression.lip_press);
  const float thickness = identity.lip_thickness * thin;
  const float curve_depth = 0.11f * expression.mouth_curve, skew = 0.05f * expression.mouth_skew;
  // Height gained by the opening goes mostly downwards; round mouths open like an ellipse, wide ones like a lens.
  const float open_up = 0.055f * open, open_down = 0.26f * open;
  const float roundness = clamp_unit(0.5f - expression.mouth_stretch);
  const auto bulge = [&](float t) { return mix(dome(t), std::sqrt(dome(t)), roundness); };
  const Point centre{0, identity.mouth_height};
  const auto middle = [&](float t) { return curve_depth * (0.45f - t * t) - skew * t; };
  const auto upper_edge = [&](float t) { return middle(t) - open_up * bulge(t); };
  const auto lower_edge = [&](float t) { return middle(t) + open_down * bulge(t); };
  const float highest = std::min({middle(-1), middle(0) - open_up - thickness, middle(1)});
  const float lowest = std::max({middle(-1), middle(0) + open_down + 1.25f * thickness, middle(1)});
  const Box box{-half - 0.02f, centre.y + highest - 0.03f, half + 0.02f, centre.y + lowest + 0.03f};
  const Box below_lips{-half, centre.y + lowest - 0.1f, half, centre.y + lowest + 0.15f};

  // Signed distance to the strip between two curves of t = x / half.
  const auto strip = [&](Point p, auto top, auto bottom) {
    const float x = p.x - centre.x, y = p.y - centre.y, t = std::clamp(x / half, -1.0f, 1.0f);
    const float slope = (2 * std::abs(t) * (std::abs(curve_depth) + 0.5f * open_down)) / half;
    return std::max(std::max(top(t) - y, y - bottom(t)) / std::sqrt(1 + slope * slope), std::abs(x) - half);
  };
  const auto upper_lip_top = [&](float t) {
    const float bow = 1 - 0.3f / (1 + 90 * t * t);
    return upper_edge(t) - thickness * dome(t) * bow;
  };
  const auto lower_lip_bottom = [&](float t) { return lower_edge(t) + 1.25f * thickness * dome(t); };

  canvas.paint_surface(below_lips, {0.7f * skin, 0.5f, 0.07f}, [&](Point p) {
    const float x = p.x - centre.x, y = p.y - centre.y, below = lower_lip_bottom(0) + 0.05f;
    return ellipse({x, y}, {0, below}, {0.6f * half, 0.02f});
  });
  canvas.paint_surface(box, {0.92f * lip, 0.9f, 0.012f}, [&](Point p) { return strip(p, upper_lip_top, upper_edge); });
  canvas.paint_surface(box, {1.06f * lip, 0.9f, 0.012f},
                       [&](Point p) { return strip(p, lower_edge, lower_lip_bottom); });
  canvas.paint_surface(box, {std::min(1.35f * lip, 1.0f), 0.4f * thin, 0.03f}, [&](Point p) {
    return ellipse(p - centre, {0, lower_edge(0) + 0.55f * thickness}, {0.4f * half, 0.2f * thickness});
  });
  const auto inside = [&](Point p) { return strip(p, upper_edge, lower_edge); };
  if (open > 0.02f) {
    canvas.paint_surface(box, {0.07f}, inside);
    canvas.paint_surface(box, {0.34f, 0.8f, 0.04f}, [&](Point p) {
      return std::max(ellipse(p - centre, {0, 0.95f * open_down}, {0.6f * half, 0.35f * open_down}), inside(p));
    });
    const float bared = clamp_unit(expression.teeth) * (0.075f + 0.25f * open_down);
    if (bared > 0.005f)
      canvas.paint_surface(box, {0.9f, 0.95f}, [&](Point p) {
        const auto teeth_end = [&](float t) { return upper_edge(t) + bared * (0.6f + 0.4f * dome(t)); };
        const float gap = 0.004f - std::abs(std::remainder(p.x + 0.035f, 0.07f));
        return std::max({strip(p, upper_edge, teeth_end), inside(p) + 0.006f, 0.4f * gap});
      });
  }
  // The line between the lips (or round the opening), and the corners.
  canvas.paint_surface(box, {0.1f, 0.85f, 0.008f}, [&](Point p) {
    const float along = open > 0.02f ? std::abs(inside(p)) : std::abs(strip(p, middle, middle));
    return along - 0.011f;
  });
  for (const float side : sides) {
    const Point corner{side * half, centre.y + middle(side)};
    canvas.paint_surface(box_round({corner}, 0.1f), {0.4f * skin, 0.65f, 0.035f}, [&](Point p) {
      return ellipse(p, corner, {0.022f, 0.026f});
    });
  }
}

void paint_glasses(Canvas& canvas, const FaceIdentity& identity) {
  if (identity.glasses_style == GlassesStyle::none) return;
  const bool round = identity.glasses_style == GlassesStyle::round;
  const Point half = round ? Point{0.215f, 0.2f} : Point{0.235f, 0.165f};
  const float y = identity.eye_height + 0.03f, inner = identity.eye_spacing - half.x;
  const Ink frame{identity.glasses, 0.95f};
  for (const float side : sides) {
    const Point centre{side * identity.eye_spacing, y};
    const Box box = box_round({centre - half, centre + half}, 0.05f);
    const auto lens = [&](Point p) { return rounded_box(p, centre, half, round ? 0.18f : 0.07f); };
    canvas.paint_surface(box, {0.95f, 0.12f, 0.02f}, [&](Point p) {
      return std::max(lens(p), std::abs(p.x - centre.x + 0.5f * (p.y - y) + 0.05f) - 0.05f);
    });
    canvas.paint_surface(box, frame, [&](Point p) { return std::abs(lens(p)) - 0.014f; });
    const Point hinge{side * (identity.eye_spacing + half.x), y - 0.04f},
        ear{side * (identity.head_width + 0.08f), y - 0.02f};
    canvas.paint_surface(box_round({hinge, ear}, 0.03f), frame,
                         [&](Point p) { return segment(p, hinge, ear) - 0.014f; });
  }
  canvas.stroke({-inner, y - 0.03f}, {0, y - 0.09f}, {inner, y - 0.03f}, 0.02f, frame);
}

}  // namespace mien::face
