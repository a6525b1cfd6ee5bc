// Drawing the parameters of synthetic faces: people, their expressions, and the views of them.
//
// Streams of random numbers: one for each person's looks, one for each person's manner, and for each picture one for
// the expression and one for the view.
#include "mien/data/synthetic_faces.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "mien/core/random.h"
#include "mien/kernels/error.h"

namespace mien {

namespace {

constexpr int most_people = 100000, most_takes = 100000;

// The difficulty of the default set, in one place. Movements are in FaceExpression's units.
namespace difficulty {
constexpr float weakest = 0.75f, strongest = 1.1f;  // range of an expression's strength
constexpr float resting_slant = 0.12f;              // deviation of resting brow slant between people
constexpr float resting_curve = 0.09f;              // of resting mouth curve
constexpr float resting_other = 0.05f;              // of the other resting movements
constexpr float manner = 0.1f;                      // of the strength with which a person uses brows, eyes, mouth
constexpr float jitter = 0.08f;                     // of every movement between takes
}  // namespace difficulty

enum class Draw : std::uint64_t { looks = 1, manner, expression, view };

// 2^17 > most_people and most_takes, 8 labels: the fields do not overlap and stay under the purpose's bits.
std::uint64_t stream_number(Draw draw, int person, int label = 0, int take = 0) {
  return static_cast<std::uint64_t>(draw) << 40 | static_cast<std::uint64_t>(label) << 34 |
         static_cast<std::uint64_t>(take) << 17 | static_cast<std::uint64_t>(person);
}

// Draws with the shapes that parameters need.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t which) : random_(seed, Purpose::faces, which) {}

  float between(float low, float high) { return random_.uniform(low, high); }
  /// Normal, cut at two deviations.
  float around(float mean, float deviation) {
    return mean + deviation * std::clamp(static_cast<float>(random_.normal()), -2.0f, 2.0f);
  }
  bool chance(float share) { return random_.uniform() < share; }
  int below(int bound) { return static_cast<int>(random_.below(static_cast<std::uint32_t>(bound))); }
  std::uint64_t word() { return static_cast<std::uint64_t>(random_.bits()) << 32 | random_.bits(); }

 private:
  Random random_;
};

void check_options(const SyntheticFacesOptions& options) {
  const char* where = "synthetic_faces";
  check(options.people >= 1 && options.people <= most_people, where, "people must be 1 to ", most_people,
        ". Got people=", options.people, ".");
  check(options.per_class_per_person >= 1 && options.per_class_per_person <= most_takes, where,
        "per_class_per_person must be 1 to ", most_takes, ". Got per_class_per_person=", options.per_class_per_person,
        ".");
  check(options.size >= 16 && options.size <= 4096, where, "size must be 16 to 4096 pixels. Got size=", options.size,
        ".");
  const auto strength = [&](float value, const char* name) {
    check(value >= 0 && value <= 3, where, name, " must be 0 to 3. Got ", name, "=", value, ".");
  };
  strength(options.subtlety, "subtlety"), strength(options.resting, "resting"), strength(options.pose, "pose");
  strength(options.light, "light"), strength(options.background, "background"), strength(options.camera, "camera");
}

void check_person(const SyntheticFacesOptions& options, int person) {
  check_options(options);
  check(person >= 0 && person < options.people, "synthetic_faces", "person must be 0 to ", options.people - 1,
        ". Got person=", person, ".");
}

void check_picture(const SyntheticFacesOptions& options, int person, int label, int take) {
  check_person(options, person);
  check(label >= 0 && label < static_cast<int>(face_expressions.size()), "synthetic_faces", "label must be 0 to ",
        face_expressions.size() - 1, ". Got label=", label, ".");
  check(take >= 0 && take < options.per_class_per_person, "synthetic_faces", "take must be 0 to ",
        options.per_class_per_person - 1, ". Got take=", take, ".");
}

// One clear example of an expression; most have variants, as people do.
FaceExpression clear_expression(int label, Draws& draws) {
  switch (label) {
    case 0:  // angry: lips pressed, or teeth bared
      if (draws.chance(0.55f))
        return {.brow_raise = -0.35f,
                .brow_slant = -1,
                .brow_pinch = 1,
                .eye_open = -0.05f,
                .lower_lid = 0.6f,
                .mouth_curve = -0.35f,
                .mouth_stretch = -0.1f,
                .lip_press = 0.9f,
                .nasolabial = 0.35f,
                .nose_wrinkle = 0.6f};
      return {.brow_raise = -0.35f,
              .brow_slant = -1,
              .brow_pinch = 1,
              .eye_open = 0.15f,
              .lower_lid = 0.4f,
              .mouth_curve = -0.4f,
              .mouth_open = 0.5f,
              .mouth_stretch = 0.2f,
              .lip_press = 0.3f,
              .teeth = 0.9f,
              .nasolabial = 0.8f,
              .nose_wrinkle = 1};
    case 1:  // astonished: jaw dropped, or the mouth a small round
      return {.brow_raise = 1.1f,
              .brow_slant = 0.1f,
              .eye_open = 0.9f,
              .mouth_curve = -0.05f,
              .mouth_open = draws.between(0.55f, 1.1f),
              .mouth_stretch = draws.between(-0.9f, -0.3f),
              .teeth = draws.chance(0.3f) ? 0.4f : 0,
              .forehead_lines = 0.8f};
    case 2:  // happy: a smile with teeth, a laugh, or a closed smile
      if (draws.chance(0.3f))
        return {.brow_raise = 0.1f,
                .eye_open = -0.15f,
                .lower_lid = 0.6f,
                .mouth_curve = 1,
                .mouth_stretch = 0.7f,
                .lip_press = 0.3f,
                .cheek_raise = 0.9f,
                .nasolabial = 0.7f};
      return {.brow_raise = 0.15f,
              .eye_open = -0.2f,
              .lower_lid = 0.7f,
              .mouth_curve = 1,
              .mouth_open = draws.between(0.2f, 0.65f),
              .mouth_stretch = 0.8f,
              .lip_press = 0.2f,
              .teeth = 1,
              .cheek_raise = 1,
              .nasolabial = 0.8f};
    case 4:  // sad: grief's brows, corners down, eyes lowered
      return {.brow_raise = 0.1f,
              .brow_slant = 1,
              .brow_pinch = 0.35f,
              .eye_open = -0.25f,
              .lid_droop = 0.8f,
              .gaze_y = draws.between(0, 0.9f),
              .mouth_curve = -0.95f,
              .mouth_stretch = -0.1f,
              .lip_press = 0.15f,
              .nasolabial = 0.3f,
              .forehead_lines = 0.25f};
    default:
      return {};  // neutral
  }
}

// How a person moves: the strength of the brows, eyes and mouth, and the face when nothing is meant by it.
struct Manner {
  float brows = 1, eyes = 1, mouth = 1;
  FaceExpression resting;
};

Manner manner_of(const SyntheticFacesOptions& options, int person) {
  Draws draws(options.seed, stream_number(Draw::manner, person));
  const float off = options.resting * difficulty::resting_other;
  Manner manner;
  manner.brows = std::max(draws.around(1, options.resting * difficulty::manner), 0.3f);
  manner.eyes = std::max(draws.around(1, options.resting * difficulty::manner), 0.3f);
  manner.mouth = std::max(draws.around(1, options.resting * difficulty::manner), 0.4f);
  manner.resting.brow_slant = draws.around(0, options.resting * difficulty::resting_slant);
  manner.resting.mouth_curve = draws.around(0, options.resting * difficulty::resting_curve);
  manner.resting.brow_raise = draws.around(0, 1.5f * off);
  manner.resting.brow_pinch = std::max(draws.around(0, 2 * off), 0.0f);
  manner.resting.eye_open = draws.around(0, off);
  manner.resting.lower_lid = draws.around(0, off);
  manner.resting.lid_droop = std::max(draws.around(0, 2 * off), 0.0f);
  manner.resting.mouth_stretch = draws.around(0, off);
  manner.resting.mouth_skew = draws.around(0, 1.5f * off);
  manner.resting.lip_press = std::max(draws.around(0, 2 * off), 0.0f);
  return manner;
}

}  // namespace

std::int64_t synthetic_face_count(const SyntheticFacesOptions& options) {
  check_options(options);
  return static_cast<std::int64_t>(options.people) * static_cast<std::int64_t>(face_expressions.size()) *
         options.per_class_per_person;
}

FaceIdentity synthetic_identity(const SyntheticFacesOptions& options, int person) {
  check_person(options, person);
  Draws draws(options.seed, stream_number(Draw::looks, person));
  FaceIdentity identity;
  identity.head_width = draws.around(0.78f, 0.045f);
  identity.jaw_taper = draws.between(0.02f, 0.28f);
  identity.jaw_squareness = draws.between(0, 0.5f);
  identity.skin = draws.between(0.42f, 0.88f);
  identity.neck_width = draws.around(0.42f, 0.05f);
  identity.ear_size = draws.around(1, 0.13f);
  identity.cheekbones = draws.between(0, 0.7f);

  constexpr HairStyle styles[] = {
      HairStyle::bald,          HairStyle::ring,      HairStyle::cropped,  HairStyle::cropped, HairStyle::combed,
      HairStyle::combed,        HairStyle::parted,    HairStyle::parted,   HairStyle::fringe,  HairStyle::fringe,
      HairStyle::curly,         HairStyle::curly,     HairStyle::bun,      HairStyle::bun,     HairStyle::long_straight,
      HairStyle::long_straight, HairStyle::long_wavy, HairStyle::long_wavy};
  identity.hair_style = styles[draws.below(static_cast<int>(std::size(styles)))];
  const bool grey = draws.chance(0.15f);
  identity.hair = grey                  ? draws.between(0.6f, 0.85f)
                  : draws.chance(0.25f) ? draws.between(0.4f, 0.65f)
                                        : draws.between(0.06f, 0.32f);
  if (std::abs(identity.hair - identity.skin) < 0.12f) identity.hair = std::max(identity.hair - 0.25f, 0.06f);
  identity.hairline = draws.around(-0.64f, 0.06f);
  identity.hair_volume = draws.between(0.06f, 0.17f) + (identity.hair_style == HairStyle::curly ? 0.08f : 0);
  identity.parting = draws.between(-0.35f, 0.35f);
  identity.hair_length = draws.between(0.6f, 1.7f);
  const bool long_hair = identity.hair_style >= HairStyle::bun;
  constexpr BeardStyle beards[] = {BeardStyle::none,    BeardStyle::none,      BeardStyle::none,   BeardStyle::none,
                                   BeardStyle::stubble, BeardStyle::moustache, BeardStyle::goatee, BeardStyle::full};
  const BeardStyle beard = beards[draws.below(static_cast<int>(std::size(beards)))];
  if (!long_hair) identity.beard_style = beard;
  identity.beard = std::clamp(identity.hair + draws.between(-0.05f, 0.1f), 0.05f, 0.9f);

  identity.brow_height = draws.around(-0.285f, 0.025f);
  identity.brow_length = draws.around(0.19f, 0.02f);
  identity.brow_thickness = draws.between(0.02f, 0.052f);
  identity.brow_arch = draws.between(0.01f, 0.075f);
  identity.brow_tone = std::clamp(0.5f * (identity.hair + 0.1f), 0.06f, 0.62f * identity.skin);
  identity.eye_height = draws.around(-0.05f, 0.02f);
  identity.eye_spacing = draws.around(0.33f, 0.022f);
  identity.eye_width = draws.around(0.152f, 0.012f);
  identity.eye_opening = draws.around(0.083f, 0.012f);
  identity.eye_tilt = draws.around(0.005f, 0.012f);
  identity.iris = draws.between(0.12f, 0.5f);
  identity.eye_bags = draws.between(0, 0.8f);
  identity.nose_length = draws.around(0.3f, 0.035f);
  identity.nose_width = draws.around(0.13f, 0.02f);
  identity.nose_bridge = draws.between(0.035f, 0.065f);
  identity.mouth_height = draws.around(0.575f, 0.022f);
  identity.mouth_width = draws.around(0.25f, 0.024f);
  identity.lip_thickness = draws.between(0.03f, 0.066f);
  identity.lip_tone = draws.between(0.5f, 0.85f);
  if (draws.chance(0.3f)) identity.glasses_style = draws.chance(0.5f) ? GlassesStyle::round : GlassesStyle::rectangular;
  identity.glasses = draws.between(0.05f, 0.35f);
  identity.age = draws.chance(0.4f) ? draws.between(0.3f, 1) : draws.between(0, 0.3f);
  for (FaceMole& mole : identity.moles) {
    const float y = draws.between(-0.5f, 0.8f), reach = 0.55f * (1 - 0.6f * y * y);
    const FaceMole place{draws.between(-reach, reach), y, draws.between(0.014f, 0.03f)};
    if (draws.chance(0.25f)) mole = place;
  }
  identity.shirt = draws.between(0.08f, 0.92f);
  identity.collar = draws.between(0, 0.45f);
  return identity;
}

FaceExpression synthetic_expression(const SyntheticFacesOptions& options, int person, int label, int take) {
  check_picture(options, person, label, take);
  const Manner manner = manner_of(options, person);
  Draws draws(options.seed, stream_number(Draw::expression, person, label, take));
  const float weakest = std::max(1 - options.subtlety * (1 - difficulty::weakest), 0.1f);
  const float strength = draws.between(weakest, difficulty::strongest);
  const FaceExpression clear = clear_expression(label, draws);
  const auto movement = [&](float FaceExpression::*part, float share) {
    const float jitter = draws.around(0, difficulty::jitter);
    return strength * share * clear.*part + manner.resting.*part + jitter;
  };
  FaceExpression expression;
  expression.brow_raise = movement(&FaceExpression::brow_raise, manner.brows);
  expression.brow_slant = movement(&FaceExpression::brow_slant, manner.brows);
  expression.brow_pinch = std::max(movement(&FaceExpression::brow_pinch, manner.brows), 0.0f);
  expression.forehead_lines = std::max(movement(&FaceExpression::forehead_lines, manner.brows), 0.0f);
  expression.eye_open = std::max(movement(&FaceExpression::eye_open, manner.eyes), -0.8f);
  expression.lower_lid = movement(&FaceExpression::lower_lid, manner.eyes);
  expression.lid_droop = std::max(movement(&FaceExpression::lid_droop, manner.eyes), 0.0f);
  expression.cheek_raise = std::max(movement(&FaceExpression::cheek_raise, manner.mouth), 0.0f);
  expression.mouth_curve = movement(&FaceExpression::mouth_curve, manner.mouth);
  expression.mouth_open = std::max(movement(&FaceExpression::mouth_open, manner.mouth), 0.0f);
  expression.mouth_stretch = movement(&FaceExpression::mouth_stretch, manner.mouth);
  expression.mouth_skew = movement(&FaceExpression::mouth_skew, 1);
  expression.lip_press = std::max(movement(&FaceExpression::lip_press, manner.mouth), 0.0f);
  expression.nasolabial = std::max(movement(&FaceExpression::nasolabial, manner.mouth), 0.0f);
  expression.nose_wrinkle = std::max(movement(&FaceExpression::nose_wrinkle, manner.brows), 0.0f);
  // A resting mouth is shut; teeth show only in a mouth that is open.
  if (expression.mouth_open < 0.14f && (label == 3 || draws.chance(0.6f))) expression.mouth_open = 0;
  expression.teeth = clear.teeth;
  expression.gaze_x = draws.around(0, 0.4f);
  expression.gaze_y = strength * clear.gaze_y + draws.around(0, 0.2f);
  if (draws.chance(0.04f)) expression.eye_open = -1;  // a blink
  return expression;
}

FaceView synthetic_view(const SyntheticFacesOptions& options, int person, int label, int take) {
  check_picture(options, person, label, take);
  Draws draws(options.seed, stream_number(Draw::view, person, label, take));
  const float pose = options.pose, light = options.light;
  FaceView view;
  view.shift_x = draws.around(0, 0.01f * pose);
  view.shift_y = draws.around(0, 0.008f * pose);
  view.scale = std::max(1 + draws.around(0, 0.024f * pose), 0.4f);
  view.roll = draws.around(0, 0.028f * pose);
  view.yaw = std::clamp(draws.around(0, 0.07f * pose), -0.8f, 0.8f);
  view.pitch = std::clamp(draws.around(0, 0.032f * pose), -0.5f, 0.5f);
  view.light_x = std::clamp(draws.around(0, 0.18f * light), -0.8f, 0.8f);
  view.light_y = std::clamp(draws.around(-0.35f, 0.09f * light), -0.7f, 0.4f);
  view.ambient = draws.between(0.5f - 0.04f * light, 0.5f + 0.06f * light);
  view.background = draws.between(0.12f, 0.92f);
  view.background_slope_x = draws.around(0, 0.2f);
  view.background_slope_y = draws.around(0, 0.2f);
  view.clutter = options.background * (draws.chance(0.7f) ? draws.between(0.06f, 0.3f) : 0);
  view.clutter_seed = draws.word();
  view.brightness = draws.around(0, 0.025f * light);
  view.contrast = std::max(draws.around(0.97f, 0.04f * light), 0.3f);
  view.vignette = draws.between(0, 0.15f * light);
  view.blur = options.camera * (draws.chance(0.25f) ? draws.between(0.0015f, 0.003f) : draws.between(0.0006f, 0.0015f));
  view.noise = options.camera * draws.between(0.003f, 0.018f);
  view.noise_seed = draws.word();
  return view;
}

Image synthetic_face(const SyntheticFacesOptions& options, int person, int label, int take) {
  return draw_face(synthetic_identity(options, person), synthetic_expression(options, person, label, take),
                   synthetic_view(options, person, label, take), options.size);
}

}  // namespace mien
