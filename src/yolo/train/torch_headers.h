// All of LibTorch that training uses: ATen's tensors, autograd and the dispatcher's mixed precision.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/version.h>
