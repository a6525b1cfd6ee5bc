// The pictures that a command works on, and the three sides of a training.
#pragma once

#include <string>

#include "classifier.h"
#include "mien/data/split.h"
#include "options.h"

namespace mien::expressions {

/// Reads FOLDER/CLASS/FILE with a progress bar. People are found by `group_pattern` or `groups_csv`; without either, by
/// file names like happy_g007_02.png where all are so.
Dataset read_pictures(const std::string& folder, const Input& input, const std::string& group_pattern,
                      const std::string& groups_csv, bool quiet);

/// Makes --colour auto grey or rgb: rgb for a pretrained base, which was trained in colour, where every photograph has
/// colour. Where only some have it, it could tell a class by who took the photographs: so grey then, which is said on
/// stderr unless `quiet`.
void settle_colour(TrainOptions& options, bool quiet);

/// The sides that the options ask for.
Split sides_of(const Dataset& data, const TrainOptions& options);

/// Eight hexadecimal digits that change where a picture, its class or its side does.
std::string fingerprint_of(const Split& sides);

/// The same of a data set as it stands: the pictures, their names, classes and people, in order.
std::string fingerprint_of(const Dataset& data);

/// The table of the sides, for people: pictures of each class, and people where they are known.
std::string sides_table(const Split& sides);

/// How many groups a side has; 0 where none are known.
int group_count(const Dataset& side);

}  // namespace mien::expressions
