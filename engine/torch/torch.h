// The torch headers that engine/torch uses, and nothing more: ATen costs five seconds a file,
// torch/torch.h twelve.
#pragma once

// c10's logging has a CHECK too; ours stays.
#pragma push_macro("CHECK")
#undef CHECK
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#pragma pop_macro("CHECK")

#include "engine/base/check.h"
