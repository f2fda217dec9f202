// Preloaded before the command line: lets one call in its output folder fail, once.
//
//   FAULT_ROOT   only files below it are touched
//   FAULT_KIND   open | write | short | interrupt | fsync | close | rename | link | full | none
//   FAULT_NUMBER which call of that kind fails, from 1; for `full` the bytes that fit
//   FAULT_LOG    file that gets a line for each call on those files, and "fired"
//
// Threads and memory are not bound to a folder: `thread` fails the N-th pthread_create,
// `memory` the N-th allocation of 64 KiB or more after the first file was opened below the
// root.

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>

namespace {

constexpr int kMaxFiles = 4096;
constexpr size_t kLargeBlock = size_t{64} << 10;

std::atomic<bool> watched[kMaxFiles];
char paths[kMaxFiles][512];  // of the watched files
std::atomic<long> calls{0};
std::atomic<long> bytes_written{0};
std::atomic<bool> has_begun{false};

const char* setting(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

void log_line(const char* text, const char* what) {
  static const int descriptor = [] {
    using Open = int (*)(const char*, int, ...);
    return next<Open>("open")(setting("FAULT_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0600);
  }();
  char line[1200];
  const int size = snprintf(line, sizeof line, "%s %s\n", text, what);
  using Write = ssize_t (*)(int, const void*, size_t);
  static const Write real = next<Write>("write");
  if (size > 0) (void)!real(descriptor, line, static_cast<size_t>(size));
}

bool is_kind(const char* kind) {
  static const char* const chosen = setting("FAULT_KIND");
  return strcmp(chosen, kind) == 0;
}

// Whether this call of `kind` is the one to fail.
bool fires(const char* kind, const char* what) {
  static const long number = atol(setting("FAULT_NUMBER"));
  log_line(kind, what);
  if (!is_kind(kind) || ++calls != number) return false;
  log_line("fired", kind);
  return true;
}

bool is_below_root(const char* path) {
  static const char* const root = setting("FAULT_ROOT");
  return root[0] != 0 && path != nullptr && strncmp(path, root, strlen(root)) == 0;
}

bool is_watched(int file) { return file >= 0 && file < kMaxFiles && watched[file]; }

int watch(int file, const char* path) {
  if (file < 0 || file >= kMaxFiles) return file;
  watched[file] = is_below_root(path);
  if (watched[file]) snprintf(paths[file], sizeof paths[file], "%s", path);
  return file;
}

int fail(int error) {
  errno = error;
  return -1;
}

// How many of `size` bytes may be written now, or -1 with errno set.
ssize_t allowed(int file, size_t size) {
  static const long room = atol(setting("FAULT_NUMBER"));
  if (is_kind("full")) {
    const long left = room - bytes_written;
    if (left <= 0) {
      log_line("fired", "full");
      return fail(ENOSPC);
    }
    size = size < static_cast<size_t>(left) ? size : static_cast<size_t>(left);
    bytes_written += static_cast<long>(size);
  }
  if (fires("write", paths[file])) return fail(ENOSPC);
  if (fires("interrupt", "")) return fail(EINTR);
  if (fires("short", "") && size > 1) return static_cast<ssize_t>(size / 2);
  return static_cast<ssize_t>(size);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  static const auto real = next<int (*)(const char*, int, ...)>("open");
  va_list more;
  va_start(more, flags);
  const int mode = va_arg(more, int);
  va_end(more);
  if (is_below_root(path) && (flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0) {
    has_begun = true;
    if (fires("open", path)) return fail(EMFILE);
  }
  return watch(real(path, flags, mode), path);
}

int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const int mode = va_arg(more, int);
  va_end(more);
  return open(path, flags, mode);
}

ssize_t write(int file, const void* data, size_t size) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
  if (!is_watched(file)) return real(file, data, size);
  const ssize_t count = allowed(file, size);
  return count < 0 ? -1 : real(file, data, static_cast<size_t>(count));
}

ssize_t pwrite64(int file, const void* data, size_t size, off64_t offset) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  if (!is_watched(file)) return real(file, data, size, offset);
  const ssize_t count = allowed(file, size);
  return count < 0 ? -1 : real(file, data, static_cast<size_t>(count), offset);
}

ssize_t pwrite(int file, const void* data, size_t size, off_t offset) {
  return pwrite64(file, data, size, offset);
}

int fsync(int file) {
  static const auto real = next<int (*)(int)>("fsync");
  if (is_watched(file) && fires("fsync", paths[file])) return fail(EIO);
  return real(file);
}

int close(int file) {
  static const auto real = next<int (*)(int)>("close");
  if (!is_watched(file)) return real(file);
  watched[file] = false;
  const bool failing = fires("close", paths[file]);
  const int result = real(file);
  return failing ? fail(EIO) : result;
}

int rename(const char* from, const char* to) {
  static const auto real = next<int (*)(const char*, const char*)>("rename");
  if (is_below_root(to)) {
    log_line("from", from);
    if (fires("rename", to)) return fail(EIO);
  }
  return real(from, to);
}

int link(const char* from, const char* to) {
  static const auto real = next<int (*)(const char*, const char*)>("link");
  if (is_below_root(to) && fires("link", to)) return fail(EPERM);
  return real(from, to);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                   void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto real = next<Create>("pthread_create");
  if (has_begun && fires("thread", "")) return EAGAIN;
  return real(thread, attributes, start, argument);
}

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* block, size_t size);

static bool memory_fails(size_t size) {
  if (size < kLargeBlock || !has_begun || !is_kind("memory") || !fires("memory", "")) {
    return false;
  }
  errno = ENOMEM;
  return true;
}

void* malloc(size_t size) { return memory_fails(size) ? nullptr : __libc_malloc(size); }
void* calloc(size_t count, size_t size) {
  return memory_fails(count * size) ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* block, size_t size) {
  return memory_fails(size) ? nullptr : __libc_realloc(block, size);
}
}
