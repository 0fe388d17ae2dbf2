// What the modules that use LibTorch share.
#pragma once

#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <ATen/ATen.h>

#include "roost/base/error.h"
#include "roost/base/text.h"

namespace roost::yolo {

/// What LibTorch has to say, in one line. The interpreter of TorchScript tells where before it tells what.
inline std::string OneLine(std::string_view message) {
  constexpr std::string_view kWhat = "RuntimeError: ";
  if (const std::size_t at = message.rfind(kWhat); at != std::string_view::npos) {
    message.remove_prefix(at + kWhat.size());
  }
  return Split(message, '\n').front();
}

/// Runs `work`; what LibTorch throws leaves as Error, in one line.
template <typename Work>
auto Guarded(const std::string& doing, Work&& work, ExitCode code = ExitCode::kFailed) {
  const auto failed = [&](std::string_view why) {
    return Error("LibTorch failed " + doing + ": " + OneLine(why), code);
  };
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const c10::Error& error) {
    throw failed(error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    throw Error("out of memory " + doing, ExitCode::kFailed, "use a smaller --imgsz or batch");
  } catch (const std::exception& error) {
    throw failed(error.what());
  }
}

/// What detect.py's --device means here.
inline at::Device SelectDevice(const std::string& name) {
  const std::string wanted = ToLower(Trim(name));
  if (wanted == "cpu") return at::kCPU;
  const bool available = at::hasCUDA();
  if (wanted.empty()) return available ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);

  std::string_view number = wanted;
  if (number.starts_with("cuda:")) number.remove_prefix(5);
  const std::optional<std::int64_t> index = wanted == "cuda" ? 0 : ParseInt(number);
  if (!index || *index < 0) {
    throw Error("unknown device '" + name + "'", ExitCode::kUsage,
                "use cpu, or the number of one CUDA device");
  }
  if (!available) {
    throw Error("device '" + name + "' was asked for, but there is no CUDA here", ExitCode::kFailed,
                "use --device cpu, or a LibTorch with CUDA on a host with an NVIDIA GPU");
  }
  const auto count = static_cast<std::int64_t>(at::getNumGPUs());
  if (*index >= count) {
    throw Error("there is no CUDA device " + std::to_string(*index) + ": this host has " +
                std::to_string(count));
  }
  return {at::kCUDA, static_cast<c10::DeviceIndex>(*index)};
}

}  // namespace roost::yolo
