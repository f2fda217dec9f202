#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "simd/kernels.h"

namespace embkit::simd {
namespace {

struct Level {
  const Kernels& (*table)();
  bool available;
};

// Best first. A level needs every feature that its file's flags enable.
const Level* levels(size_t* count) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  static const Level list[] = {
      {&avx512::table,
       __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")},
      {&avx2::table, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")},
      {&baseline::table, true},
  };
#elif defined(__aarch64__)
  static const Level list[] = {{&neon::table, true}, {&baseline::table, true}};
#else
  static const Level list[] = {{&baseline::table, true}};
#endif
  *count = sizeof(list) / sizeof(list[0]);
  return list;
}

const Kernels& choose() {
  const char* wanted = std::getenv("EMBKIT_SIMD");
  const bool is_set = wanted != nullptr && *wanted != '\0';
  size_t count = 0;
  const Level* list = levels(&count);
  std::string names;
  for (size_t i = 0; i < count; ++i) {
    if (!list[i].available) continue;
    const Kernels& table = list[i].table();
    if (!is_set || std::strcmp(wanted, table.name) == 0) return table;
    names += (names.empty() ? "" : ", ") + std::string(table.name);
  }
  throw std::invalid_argument("EMBKIT_SIMD must be one of " + names +
                              " on this machine, got '" + wanted + "'");
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

const Kernels* find_kernels(const char* name) {
  size_t count = 0;
  const Level* list = levels(&count);
  for (size_t i = 0; i < count; ++i) {
    if (list[i].available && std::strcmp(name, list[i].table().name) == 0) {
      return &list[i].table();
    }
  }
  return nullptr;
}

}  // namespace embkit::simd
