#include "mien/kernels/error.h"
