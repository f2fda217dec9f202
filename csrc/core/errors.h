#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace embkit {

// A file whose content is wrong. `line` counts from 1 and is 0 where the format has no lines;
// `offset` is the byte, from 0, at which the fault was seen, or -1 where it is not known.
struct FormatError : std::runtime_error {
  FormatError(std::string path_, int64_t line_, int64_t offset_, std::string reason_)
      : std::runtime_error(path_ + ": " + reason_),
        path(std::move(path_)),
        line(line_),
        offset(offset_),
        reason(std::move(reason_)) {}
  std::string path;
  int64_t line;
  int64_t offset;
  std::string reason;
};

// A file the system refused: `error` is the errno.
struct FileError : std::runtime_error {
  FileError(std::string path_, int error_)
      : std::runtime_error(path_), path(std::move(path_)), error(error_) {}
  std::string path;
  int error;
};

// More memory would be needed than is allowed.
struct ResourceError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Training stopped because a loss or a row was no longer finite.
struct DivergenceError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace embkit
