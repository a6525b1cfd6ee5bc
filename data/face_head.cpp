// The large layers of a drawn face: what is behind it, shoulders and neck, ears and head, hair and beard.
#include "mien/core/random.h"
#include "mien/data/face_canvas.h"

namespace mien::face {

namespace {

// Strands: a fixed, irregular wave of mean 0 in -1 to 1.
float strands(float along, float density) {
  return 0.6f * wave(density * along) + 0.4f * wave(2.7f * density * along + 1.3f);
}

bool is_long(HairStyle style) { return style == HairStyle::long_straight || style == HairStyle::long_wavy; }

// Where hair ends and forehead begins: y of the hairline at surface x. Towards the temples it comes down to the ears.
float hairline_at(const FaceIdentity& identity, float x) {
  const float top = identity.hairline, temple = std::abs(x) / identity.head_width;
  const auto sideburns = [&](float from, float to) { return smooth_step(from, to, temple); };
  switch (identity.hair_style) {
    case HairStyle::bald:
      return -9;
    case HairStyle::ring:
      return temple > 0.83f ? 0.05f : -9;
    case HairStyle::fringe:
      return mix(top + 0.2f + 0.02f * strands(x, 40), 0.2f, sideburns(0.78f, 0.92f));
    case HairStyle::parted: {
      const float off = x - identity.parting;
      return top - 0.12f + (off < 0 ? -0.5f * off : 0.25f * off) + 0.6f * sideburns(0.76f, 0.98f);
    }
    case HairStyle::long_straight:
    case HairStyle::long_wavy: {
      const float off = std::abs(x - 0.5f * identity.parting);
      return top - 0.15f + 0.3f * off + 2.0f * off * off * off * off + 1.4f * sideburns(0.78f, 0.95f);
    }
    default:
      return top + 0.12f * temple * temple + 0.6f * sideburns(0.76f, 0.98f);
  }
}

}  // namespace

void paint_background(Canvas& canvas, const FaceView& view) {
  const int size = canvas.size();
  std::vector<float>& tones = canvas.tones();
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      const float across = (static_cast<float>(x) + 0.5f) / static_cast<float>(size) - 0.5f;
      const float down = (static_cast<float>(y) + 0.5f) / static_cast<float>(size) - 0.5f;
      tones[static_cast<std::size_t>(y) * static_cast<std::size_t>(size) + static_cast<std::size_t>(x)] =
          clamp_unit(view.background + view.background_slope_x * across + view.background_slope_y * down);
    }
  if (view.clutter <= 0) return;
  Random random(view.clutter_seed, Purpose::faces);
  const int things = 3 + static_cast<int>(random.below(5));
  for (int i = 0; i < things; ++i) {
    const Point centre{random.uniform(-1.6f, 1.6f), random.uniform(-1.6f, 1.6f)};
    const Point half{random.uniform(0.08f, 0.6f), random.uniform(0.08f, 0.9f)};
    const Ink ink{clamp_unit(view.background + view.clutter * random.uniform(-0.6f, 0.6f)), random.uniform(0.3f, 0.9f),
                  random.uniform(0.02f, 0.25f)};
    const bool round = random.below(3) == 0;
    canvas.paint_plane(box_round({centre - half, centre + half}, ink.softness), ink,
                       [&](Point p) { return round ? ellipse(p, centre, half) : rounded_box(p, centre, half, 0.03f); });
  }
  canvas.forget_lit();
}

void paint_back_hair(Canvas& canvas, const FaceIdentity& identity) {
  if (identity.hair_style == HairStyle::bun)
    canvas.paint_plane({-0.4f, -1.5f, 0.4f, -0.7f}, {0.85f * identity.hair}, [&](Point p) {
      return ellipse(p, {0.1f * identity.parting, -1.12f}, {0.3f, 0.26f});
    });
  if (!is_long(identity.hair_style)) return;
  const float width = identity.head_width + identity.hair_volume, end = identity.hair_length;
  const bool wavy = identity.hair_style == HairStyle::long_wavy;
  const Ink ink{0.8f * identity.hair};
  canvas.paint_textured({-1.6f, -1.3f, 1.6f, end + 0.1f}, ink, [&](Point p, const Place& place) {
    if (place.outline < -0.05f) return Canvas::Mark{1, 0};  // behind the head
    const float sway = wavy ? 0.05f * wave(9 * p.y + 2 * p.x) : 0;
    const float flare = 1 + 0.12f * smooth_step(-0.3f, end, p.y);
    const float sides = std::abs(p.x) + sway - width * flare;
    const float strand_ends = 0.03f * strands(p.x, 25);
    const float lower = std::max({sides, p.y - end - strand_ends, -0.1f - p.y});
    const float upper = ellipse(p, {0, 0}, {width, 1 + identity.hair_volume});
    return Canvas::Mark{std::min(lower, std::max(upper, p.y - 0.2f)), ink.tone};
  });
}

void paint_body(Canvas& canvas, const FaceIdentity& identity, const FaceView& view) {
  const float neck = identity.neck_width, skin = 0.92f * identity.skin;
  canvas.paint_plane({-1, 0.55f, 1, 2.6f}, {skin}, [&](Point p) {
    const float flare = 0.35f * smooth_step(1.15f, 1.6f, p.y);
    return std::max(std::abs(p.x) - neck - flare, 0.55f - p.y);
  });
  canvas.paint_plane({-1, 0.7f, 1, 1.7f}, {0.6f * skin, 0.7f, 0.35f}, [&](Point p) {
    const float outside_neck = std::abs(p.x) - neck;
    return std::max(ellipse(p, {-0.15f * view.light_x, 0.95f}, {0.62f, 0.33f}), outside_neck);
  });
  canvas.paint_plane({-1.8f, 1.2f, 1.8f, 3.5f}, {identity.shirt}, [&](Point p) {
    const float shoulders = ellipse(p, {0, 2.3f}, {1.55f, 1.0f});
    const float neckline = ellipse(p, {0, 1.25f}, {neck + 0.12f, 0.12f + identity.collar});
    return std::max(shoulders, -neckline);
  });
}

void paint_head(Canvas& canvas, const FaceIdentity& identity, const FaceView& view) {
  for (const float side : {-1.0f, 1.0f}) {
    // The ear on the side to which the head turns goes behind it; the other comes forward.
    const Point centre{side * (identity.head_width + 0.01f) - 0.12f * view.yaw, 0.06f + 0.1f * view.pitch};
    const Point radius{0.1f * identity.ear_size, 0.19f * identity.ear_size};
    const Box box = box_round({centre - radius, centre + radius}, 0.02f);
    canvas.paint_plane(box, {0.9f * identity.skin}, [&](Point p) { return ellipse(p, centre, radius); });
    canvas.paint_plane(box, {0.62f * identity.skin, 0.7f, 0.04f}, [&](Point p) {
      return ellipse(p, centre, {0.5f * radius.x, 0.6f * radius.y});
    });
  }
  const Box box{-1.2f, -1.1f, 1.2f, 1.3f};
  canvas.paint_textured(box, {identity.skin}, [&](Point, const Place& place) {
    return Canvas::Mark{place.outline, identity.skin};
  });
  for (const float side : {-1.0f, 1.0f}) {
    const Point cheek{0.5f * side, 0.42f};
    canvas.paint_surface(box_round({cheek}, 0.3f), {0.75f * identity.skin, 0.6f * identity.cheekbones, 0.3f},
                         [&](Point p) {
                           return segment(p, {0.62f * side, 0.25f}, {0.42f * side, 0.62f}) - 0.03f;
                         });
  }
  // The chin's shade, and a line where the jaw meets the neck.
  canvas.paint_surface({-0.3f, 0.68f, 0.3f, 1.0f}, {0.8f * identity.skin, 0.5f, 0.1f}, [](Point p) {
    return ellipse(p, {0, 0.8f}, {0.13f, 0.02f});
  });
  for (const FaceMole& mole : identity.moles)
    if (mole.radius > 0)
      canvas.paint_surface(box_round({{mole.x, mole.y}}, 2 * mole.radius), {0.4f * identity.skin, 0.9f, 0.01f},
                           [&](Point p) {
                             return length(p - Point{mole.x, mole.y}) - mole.radius;
                           });
}

void paint_hair(Canvas& canvas, const FaceIdentity& identity) {
  const HairStyle style = identity.hair_style;
  if (style == HairStyle::bald) return;
  const bool cropped = style == HairStyle::cropped || style == HairStyle::ring, curly = style == HairStyle::curly;
  const float volume = cropped ? 0.025f : identity.hair_volume;
  const float crown_x = identity.parting, roughness = cropped ? 0.1f : 0.22f;
  const float sides_end = is_long(style) ? 0.7f : style == HairStyle::bun ? -0.05f : 0.12f;
  const Ink ink{identity.hair, cropped ? 0.85f : 1.0f, cropped ? 0.05f : 0.012f};
  canvas.paint_textured({-1.4f, -1.5f, 1.4f, sides_end + 0.2f}, ink, [&](Point plane, const Place& place) {
    const Point p = place.surface;
    if (place.outline < -0.3f && p.y > identity.hairline + 0.35f) return Canvas::Mark{1, 0};  // the middle of the face
    const float thinning = volume * smooth_step(-0.5f, 0.3f, plane.y) * (is_long(style) ? 0 : 0.6f);
    float outer = place.outline - volume + thinning;
    if (outer > 0.1f) return Canvas::Mark{1, 0};
    // On the head hair ends at the hairline; what stands off the head is hair down to the ears.
    float line = p.y - hairline_at(identity, p.x);
    if (style != HairStyle::ring) line = std::min(line, -0.02f - place.outline);
    if (line > 0.1f) return Canvas::Mark{1, 0};
    float pattern;
    if (curly) {
      const Point q{34 * plane.x + 2.2f * wave(15 * plane.y), 34 * plane.y + 2.2f * wave(15 * plane.x)};
      pattern = wave(q.x) * wave(q.y);
      outer += 0.035f * pattern, line += 0.03f * pattern;
    } else {
      pattern = strands((plane.x - crown_x) / (1.7f + plane.y), 55);
    }
    return Canvas::Mark{std::max({outer, line, p.y - sides_end}),
                        clamp_unit(identity.hair * (1 + roughness * pattern))};
  });
}

void paint_beard(Canvas& canvas, const FaceIdentity& identity, const FaceExpression& expression) {
  const BeardStyle style = identity.beard_style;
  if (style == BeardStyle::none) return;
  const float drop = 0.12f * std::max(expression.mouth_open, 0.0f), mouth = identity.mouth_height;
  const float half = identity.mouth_width * (1 + 0.3f * expression.mouth_stretch);
  const auto rough = [](Point p) { return strands(p.x + 0.3f * p.y, 70) * strands(p.y - 0.4f * p.x, 55); };
  const float opacity = style == BeardStyle::stubble ? 0.32f : 0.85f;
  if (style == BeardStyle::stubble || style == BeardStyle::full) {
    const Point open{half + 0.03f, 0.09f + drop};
    canvas.paint_textured({-1.1f, -0.1f, 1.1f, 1.25f}, {identity.beard, opacity, 0.06f},
                          [&](Point, const Place& place) {
                            const Point p = place.surface;
                            if (p.y < 0.02f) return Canvas::Mark{1, 0};
                            const float edge = std::abs(p.x) / identity.head_width;
                            const float upper = mix(0.42f, 0.02f, smooth_step(0.45f, 0.95f, edge)) - p.y;
                            const float lips = ellipse(p, {0, mouth + 0.5f * drop}, open);
                            const float tone = clamp_unit(identity.beard * (1 + 0.35f * rough(p)));
                            return Canvas::Mark{std::max({upper, place.outline - 0.02f, -lips}), tone};
                          });
  }
  if (style == BeardStyle::goatee)
    canvas.paint_surface({-0.35f, 0.6f, 0.35f, 1.3f}, {identity.beard, opacity, 0.06f}, [&](Point p) {
      return std::max(ellipse(p, {0, 0.9f + 0.5f * drop}, {0.2f, 0.2f}), mouth + 0.1f + drop - p.y);
    });
  if (style != BeardStyle::stubble) {
    const float lift = 0.06f * expression.mouth_curve;
    canvas.paint_surface({-0.5f, 0.25f, 0.5f, 0.8f}, {identity.beard, opacity, 0.03f}, [&](Point p) {
      const float across = p.x / (half + 0.04f);
      const float middle = mouth - 0.105f + (0.09f - lift) * across * across;
      return std::max(std::abs(p.y - middle) - 0.05f * (1 - 0.5f * across * across), std::abs(across) - 1);
    });
  }
}

}  // namespace mien::face
