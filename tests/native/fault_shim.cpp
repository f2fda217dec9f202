// Preloaded before the command line: lets one call in its output folder fail, once.
//
//   FAULT_ROOT   only files below it are touched
//   FAULT_KIND   open | write | short | interrupt | fsync | close | rename | link | full | none
//   FAULT_NUMBER which call of that kind fails, from 1; for `full` the bytes that fit
//   FAULT_LOG    file that gets a line for each call on those files, and "fired"
//   FAULT_DATA   file that gets the bytes of every write, so that the log can be replayed
//
// fault_begin() reads them anew, in a process that was forked from one with the shim.
//
// Threads and memory are not bound to a folder: `thread` fails the N-th pthread_create,
// `memory` the N-th allocation of 64 KiB or more, of anonymous pages too, after the first file
// was opened below the root.

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

namespace {

constexpr int kMaxFiles = 4096;
constexpr size_t kLargeBlock = size_t{64} << 10;

std::atomic<bool> watched[kMaxFiles];
char paths[kMaxFiles][512];  // of the watched files
std::atomic<long> calls{0};
std::atomic<long> bytes_written{0};
std::atomic<bool> has_begun{false};

struct Settings {
  char root[512], kind[16], log[600], data[600];
  long number;
  int log_file, data_file;  // -1 until they are used
};

Settings read_settings() {
  const auto copy = [](char* to, size_t size, const char* name) {
    const char* value = getenv(name);
    snprintf(to, size, "%s", value == nullptr ? "" : value);
  };
  Settings now{};
  copy(now.root, sizeof now.root, "FAULT_ROOT");
  copy(now.kind, sizeof now.kind, "FAULT_KIND");
  copy(now.log, sizeof now.log, "FAULT_LOG");
  copy(now.data, sizeof now.data, "FAULT_DATA");
  const char* number = getenv("FAULT_NUMBER");
  now.number = number == nullptr ? 0 : atol(number);
  now.log_file = now.data_file = -1;
  return now;
}

Settings& settings() {
  static Settings all = read_settings();
  return all;
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

// Appends to a file of our own, which no fault touches.
void append(int* file, const char* name, const void* data, size_t size) {
  using Open = int (*)(const char*, int, ...);
  using Write = ssize_t (*)(int, const void*, size_t);
  static const Write real = next<Write>("write");
  if (name[0] == 0) return;
  if (*file < 0) *file = next<Open>("open")(name, O_WRONLY | O_CREAT | O_APPEND, 0600);
  (void)!real(*file, data, size);
}

void log_line(const char* text, const char* what) {
  char line[1200];
  const int size = snprintf(line, sizeof line, "%s %s\n", text, what);
  if (size > 0) append(&settings().log_file, settings().log, line, static_cast<size_t>(size));
}

bool is_kind(const char* kind) { return strcmp(settings().kind, kind) == 0; }

// Whether this call of `kind` is the one to fail.
bool fires(const char* kind, const char* what) {
  log_line(kind, what);
  if (!is_kind(kind) || ++calls != settings().number) return false;
  log_line("fired", kind);
  return true;
}

bool is_below_root(const char* path) {
  const char* const root = settings().root;
  return root[0] != 0 && path != nullptr && strncmp(path, root, strlen(root)) == 0;
}

bool is_watched(int file) { return file >= 0 && file < kMaxFiles && watched[file]; }

// Notes what a write put where: "data OFFSET SIZE PATH", the bytes themselves in FAULT_DATA.
void log_data(int file, const void* data, ssize_t size, off64_t offset) {
  Settings& now = settings();
  if (now.data[0] == 0 || size <= 0) return;
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  append(&now.data_file, now.data, data, static_cast<size_t>(size));
  char line[600];
  snprintf(line, sizeof line, "%lld %zd %s", static_cast<long long>(offset), size, paths[file]);
  log_line("data", line);
}

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
  if (is_kind("full")) {
    const long left = settings().number - bytes_written;
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

void fault_begin() {
  settings() = read_settings();
  calls = bytes_written = 0;
  has_begun = false;
}

int open(const char* path, int flags, ...) {
  static const auto real = next<int (*)(const char*, int, ...)>("open");
  va_list more;
  va_start(more, flags);
  const int mode = va_arg(more, int);
  va_end(more);
  char unnamed[600];
  const char* shown = path;
  if (path != nullptr && (flags & O_TMPFILE) == O_TMPFILE) {
    snprintf(unnamed, sizeof unnamed, "%s/(unnamed)", path);
    shown = unnamed;
  }
  if (is_below_root(path) && (flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0) {
    has_begun = true;
    if (fires("open", shown)) return fail(EMFILE);
    if ((flags & O_TRUNC) != 0) log_line("empty", shown);
  }
  return watch(real(path, flags, mode), shown);
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
  if (count < 0) return -1;
  const ssize_t written = real(file, data, static_cast<size_t>(count));
  log_data(file, data, written, lseek64(file, 0, SEEK_CUR) - written);
  return written;
}

ssize_t pwrite64(int file, const void* data, size_t size, off64_t offset) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  if (!is_watched(file)) return real(file, data, size, offset);
  const ssize_t count = allowed(file, size);
  if (count < 0) return -1;
  const ssize_t written = real(file, data, static_cast<size_t>(count), offset);
  log_data(file, data, written, offset);
  return written;
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
  if (is_below_root(to)) {
    log_line("from", from);
    if (fires("link", to)) return fail(EPERM);
  }
  return real(from, to);
}

// These never fail here: they are logged for the replay.

int unlink(const char* path) {
  static const auto real = next<int (*)(const char*)>("unlink");
  const int result = real(path);
  if (result == 0 && is_below_root(path)) log_line("unlink", path);
  return result;
}

int mkdir(const char* path, mode_t mode) {
  static const auto real = next<int (*)(const char*, mode_t)>("mkdir");
  const int result = real(path, mode);
  if (result == 0 && is_below_root(path)) log_line("mkdir", path);
  return result;
}

int rmdir(const char* path) {
  static const auto real = next<int (*)(const char*)>("rmdir");
  const int result = real(path);
  if (result == 0 && is_below_root(path)) log_line("rmdir", path);
  return result;
}

int ftruncate64(int file, off64_t size) {
  static const auto real = next<int (*)(int, off64_t)>("ftruncate64");
  const int result = real(file, size);
  if (result == 0 && is_watched(file)) {
    char line[600];
    snprintf(line, sizeof line, "%lld %s", static_cast<long long>(size), paths[file]);
    log_line("truncate", line);
  }
  return result;
}

int ftruncate(int file, off_t size) { return ftruncate64(file, size); }

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

void* mmap64(void* where, size_t size, int protection, int flags, int file, off64_t offset) {
  using Map = void* (*)(void*, size_t, int, int, int, off64_t);
  static const auto real = next<Map>("mmap64");
  if ((flags & MAP_ANONYMOUS) != 0 && memory_fails(size)) return MAP_FAILED;
  return real(where, size, protection, flags, file, offset);
}

void* mmap(void* where, size_t size, int protection, int flags, int file, off_t offset) {
  return mmap64(where, size, protection, flags, file, offset);
}
}
