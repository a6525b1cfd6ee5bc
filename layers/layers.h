// All layers, and what networks are made of them with.
#pragma once

#include "mien/layers/batch_normalization.h"
#include "mien/layers/config.h"
#include "mien/layers/conv2d.h"
#include "mien/layers/dense.h"
#include "mien/layers/dropout.h"
#include "mien/layers/elementwise.h"
#include "mien/layers/graph.h"
#include "mien/layers/model.h"
#include "mien/layers/normalization.h"
#include "mien/layers/pool2d.h"
#include "mien/layers/predictor.h"
#include "mien/layers/resizing.h"
#include "mien/layers/separable_conv2d.h"
#include "mien/layers/shaping.h"
#include "mien/layers/summary.h"
