#pragma once

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/errors.h"

namespace embkit {

// Of one call: macOS refuses more than 2^31 - 1 bytes, Linux does a little less.
inline constexpr size_t kMostBytesAtOnce = size_t{1} << 30;

// Writes all of `data` at a place of an open file, which the caller owns. Throws FileError with
// `name`.
inline void write_at(int file, const void* data, size_t size, int64_t offset,
                     const std::string& name) {
  const char* p = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t count = pwrite(file, p, std::min(size, kMostBytesAtOnce), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw FileError(name, errno);
    p += count;
    size -= static_cast<size_t>(count);
    offset += count;
  }
}

// Reads `size` bytes, which must be there. Throws FileError with `name`.
inline void read_at(int file, void* data, size_t size, int64_t offset,
                    const std::string& name) {
  char* p = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t count = pread(file, p, std::min(size, kMostBytesAtOnce), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) errno = EIO;  // the file was cut under us
    if (count <= 0) throw FileError(name, errno);
    p += count;
    size -= static_cast<size_t>(count);
    offset += count;
  }
}

}  // namespace embkit
