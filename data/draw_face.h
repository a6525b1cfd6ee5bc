// A face drawn from numbers: who it is, what the face is doing, and how it is seen.
//
// The head is an ellipsoid lit from one side; everything on it (eyes, brows, nose, mouth, wrinkles, beard, hairline) is
// drawn in the ellipsoid's own coordinates, so a turned head carries its features round. Edges are signed distances
// turned into coverage, hence smooth at any size. The picture is a pure function of its arguments.
//
// Lengths are in half head heights: the crown is at y = -1, the chin at y = 1, x to the right. Tones run from 0 (black)
// to 1 (white).
#pragma once

#include <array>
#include <cstdint>

#include "mien/io/image.h"

namespace mien {

enum class HairStyle { bald, ring, cropped, combed, parted, fringe, curly, bun, long_straight, long_wavy };
enum class BeardStyle { none, stubble, moustache, goatee, full };
enum class GlassesStyle { none, round, rectangular };

/// A small dark spot of the skin, in the head's coordinates.
struct FaceMole {
  float x = 0, y = 0, radius = 0;
};

/// What stays the same from picture to picture of one person.
struct FaceIdentity {
  float head_width = 0.78f;     ///< half width at the temples
  float jaw_taper = 0.12f;      ///< how much narrower the jaw is, 0 to 0.4
  float jaw_squareness = 0.2f;  ///< 0 (round chin) to 0.6
  float skin = 0.68f;           ///< tone
  float neck_width = 0.42f;
  float ear_size = 1;
  float cheekbones = 0.2f;  ///< 0 to 1: shade under the cheekbones

  HairStyle hair_style = HairStyle::combed;
  float hair = 0.15f;        ///< tone
  float hairline = -0.62f;   ///< y of the hairline's middle
  float hair_volume = 0.1f;  ///< how far the hair stands off the head
  float parting = 0.25f;     ///< x of the parting
  float hair_length = 0.9f;  ///< y where long hair ends
  BeardStyle beard_style = BeardStyle::none;
  float beard = 0.15f;  ///< tone

  float brow_height = -0.27f;  ///< y
  float brow_length = 0.19f;   ///< half length
  float brow_thickness = 0.035f;
  float brow_arch = 0.05f;
  float brow_tone = 0.15f;

  float eye_height = -0.05f;   ///< y
  float eye_spacing = 0.33f;   ///< x of an eye's centre
  float eye_width = 0.155f;    ///< half width
  float eye_opening = 0.085f;  ///< half height when at rest
  float eye_tilt = 0;          ///< positive: outer corners higher
  float iris = 0.3f;           ///< tone
  float eye_bags = 0.2f;       ///< 0 to 1

  float nose_length = 0.3f;  ///< y of its base
  float nose_width = 0.13f;
  float nose_bridge = 0.05f;

  float mouth_height = 0.57f;  ///< y
  float mouth_width = 0.25f;   ///< half width
  float lip_thickness = 0.055f;
  float lip_tone = 0.7f;  ///< as a share of the skin's tone

  GlassesStyle glasses_style = GlassesStyle::none;
  float glasses = 0.1f;  ///< tone of the frame
  float age = 0.2f;      ///< 0 to 1: strength of resting wrinkles
  std::array<FaceMole, 3> moles{};
  float shirt = 0.4f;   ///< tone
  float collar = 0.3f;  ///< depth of the neckline
};

/// What the muscles do. All zeros is a face at rest; 1 is a clear movement.
struct FaceExpression {
  float brow_raise = 0;          ///< both brows up
  float brow_slant = 0;          ///< positive: inner ends up (grief); negative: inner ends down (anger)
  float brow_pinch = 0;          ///< brows drawn together, with upright lines between them
  float eye_open = 0;            ///< -1 shut, 1 wide open
  float lower_lid = 0;           ///< lower lids pushed up
  float lid_droop = 0;           ///< outer half of the upper lids lowered
  float gaze_x = 0, gaze_y = 0;  ///< -1 to 1
  float mouth_curve = 0;         ///< positive: corners up; negative: corners down
  float mouth_open = 0;          ///< jaw dropped
  float mouth_stretch = 0;       ///< positive: wide; negative: pursed or round
  float mouth_skew = 0;          ///< one corner higher than the other
  float lip_press = 0;           ///< lips thinned
  float teeth = 0;               ///< upper teeth bared
  float cheek_raise = 0;         ///< cheeks up, crow's feet
  float nasolabial = 0;          ///< folds from nose to mouth
  float forehead_lines = 0;
  float nose_wrinkle = 0;
};

/// How the person is seen: pose, light, surroundings, camera.
struct FaceView {
  float shift_x = 0, shift_y = 0;          ///< of the head's centre, as shares of the picture's side
  float scale = 1;                         ///< 1: the head fills 74 % of the height
  float roll = 0, yaw = 0, pitch = 0;      ///< radians: tilted, turned, nodding
  float light_x = -0.4f, light_y = -0.5f;  ///< where the light comes from, -1 to 1 (0, 0: from the camera)
  float ambient = 0.45f;                   ///< share of the light without a direction
  float background = 0.55f;                ///< tone
  float background_slope_x = 0, background_slope_y = 0;  ///< change of tone across the picture
  float clutter = 0;                                     ///< contrast of the things behind, 0 to 1
  std::uint64_t clutter_seed = 0;
  float brightness = 0, contrast = 1;
  float vignette = 0;  ///< darkening of the corners, 0 to 1
  float blur = 0;      ///< deviation of the lens's blur, as a share of the side
  float noise = 0;     ///< deviation of the camera's noise, in tones
  std::uint64_t noise_seed = 0;
};

/// Draws the face as a grey picture of size × size × 1.
/// Throws Error unless size is 16 to 4096, every number is finite and -10 to 10, scale is at least 0.05, blur is 0 to
/// 0.1, and the widths and lengths of an identity that are divided by (head, eyes, brows, nose, mouth, ears) are no
/// less than 0.02 (head_width 0.2).
Image draw_face(const FaceIdentity& identity, const FaceExpression& expression, const FaceView& view, int size = 256);

}  // namespace mien
