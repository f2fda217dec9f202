#include "cuda/devices.h"

#include <string>

#include "cuda/check.h"

namespace embkit::cuda {
namespace {

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// What cudaGetDeviceCount refuses, in words that say what to do.
void check_driver(Status status) {
  if (status == kSuccess) return;
  const Versions found = versions();
  runtime().last_error();
  if (found.driver == 0) {
    throw CudaError("there is no NVIDIA driver on this machine", status);
  }
  if (status == kOldDriver) {
    throw CudaError("the NVIDIA driver is too old: it serves CUDA " +
                        version_text(found.driver) + ", embkit was built with CUDA " +
                        version_text(found.runtime) + ": update the driver",
                    status);
  }
  if (status == kNoDevice) {
    throw CudaError("the NVIDIA driver shows no device (CUDA_VISIBLE_DEVICES may hide it)",
                    status);
  }
  check(status, "count the devices");
}

int count_devices() {
  int count = 0;
  check_driver(runtime().device_count(&count));
  if (count < 1) check_driver(kNoDevice);
  return count;
}

DeviceProperties properties_of(int number) {
  DeviceProperties properties{};
  check(runtime().device_properties(&properties, number), "ask for a device's properties");
  return properties;
}

void check_kernels(int number, const DeviceProperties& device) {
  const Status status = runtime().find_kernels();
  if (status == kNoKernelForDevice || status == kNoFunction) {
    runtime().last_error();
    throw CudaError("cuda:" + std::to_string(number) + " (" + device.name +
                        ") has compute capability " + std::to_string(device.major) + "." +
                        std::to_string(device.minor) +
                        ", for which this build of embkit has no kernels",
                    kNoKernelForDevice);
  }
  check(status, "look for the kernels");
}

}  // namespace

Versions versions() {
  Versions found{};
  if (runtime().driver_version(&found.driver) != kSuccess) found.driver = 0;
  if (runtime().runtime_version(&found.runtime) != kSuccess) found.runtime = 0;
  return found;
}

std::vector<DeviceProperties> devices() {
  std::vector<DeviceProperties> all;
  const int count = count_devices();
  for (int number = 0; number < count; ++number) all.push_back(properties_of(number));
  return all;
}

DeviceProperties use_device(int number) {
  const int count = count_devices();
  if (number < 0 || number >= count) {
    throw CudaError("device must be from cuda:0 to cuda:" + std::to_string(count - 1) +
                        " on this machine, got cuda:" + std::to_string(number),
                    kWrongDevice);
  }
  check(runtime().set_device(number), "use the device");
  const DeviceProperties device = properties_of(number);
  check_kernels(number, device);
  return device;
}

}  // namespace embkit::cuda
