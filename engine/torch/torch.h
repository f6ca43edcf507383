// The torch headers that engine/torch uses, and nothing more: ATen costs five seconds a file,
// torch/torch.h twelve. Precompiled for the module and therefore always the first header.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#undef CHECK  // c10's logging has one too

#include "engine/base/check.h"
