// All of LibTorch that the engine uses: ATen's tensors, without autograd, nn and the rest of torch/torch.h.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/version.h>
