// Runs a fuzz target where the compiler brings no fuzzer: replays seeds, then mutates them.
//
//   TARGET SEED_FOLDER SECONDS FINDING
//
// Prints the number of executions; an input that stops the process is left in FINDING.

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/native/fuzz.h"

namespace {

using Input = std::vector<uint8_t>;
using Random = std::mt19937_64;

constexpr size_t kLongest = 4096;

const Input* current = nullptr;
const char* finding = nullptr;

void keep_finding() {
  std::FILE* file = std::fopen(finding, "wb");
  if (file == nullptr || current == nullptr) return;
  std::fwrite(current->data(), 1, current->size(), file);
  std::fclose(file);
}

void on_signal(int signal) {
  keep_finding();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

std::vector<Input> read_seeds(const std::string& folder) {
  std::vector<Input> seeds;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return seeds;
}

size_t below(Random& random, size_t bound) { return bound == 0 ? 0 : random() % bound; }

void insert_number(Input& input, Random& random) {
  static const std::string kNumbers[] = {"0",          "-1",           "1e999",
                                         "4294967296", "nan",          "\n",
                                         "\r\n",       "\xEF\xBB\xBF", "9223372036854775808"};
  const std::string& number = kNumbers[below(random, std::size(kNumbers))];
  const auto at = static_cast<std::ptrdiff_t>(below(random, input.size() + 1));
  input.insert(input.begin() + at, number.begin(), number.end());
}

void splice(Input& input, const Input& other, Random& random) {
  input.resize(below(random, input.size() + 1));
  const auto from = static_cast<std::ptrdiff_t>(below(random, other.size() + 1));
  input.insert(input.end(), other.begin() + from, other.end());
}

void mutate(Input& input, const std::vector<Input>& seeds, Random& random) {
  for (size_t i = 0, steps = 1 + below(random, 6); i < steps; ++i) {
    const size_t at = below(random, input.size());
    const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
    switch (input.empty() ? 5 : below(random, 7)) {
      case 0:
        *place = static_cast<uint8_t>(*place ^ (1u << below(random, 8)));
        break;
      case 1:
        *place = static_cast<uint8_t>(random());
        break;
      case 2:
        input.insert(place, static_cast<uint8_t>(random()));
        break;
      case 3:
        input.erase(place);
        break;
      case 4:
        input.resize(at);
        break;
      case 5:
        insert_number(input, random);
        break;
      default:
        splice(input, seeds[below(random, seeds.size())], random);
    }
  }
  if (input.size() > kLongest) input.resize(kLongest);
}

void run(const Input& input) {
  current = &input;
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __asan_on_error() { keep_finding(); }
#endif

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s SEED_FOLDER SECONDS FINDING\n", argv[0]);
    return 2;
  }
  finding = argv[3];
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    std::signal(signal, on_signal);
  }
  const std::vector<Input> seeds = read_seeds(argv[1]);
  if (seeds.empty()) {
    std::fprintf(stderr, "%s: no seeds\n", argv[1]);
    return 2;
  }
  for (const Input& seed : seeds) run(seed);
  Random random(1);
  uint64_t executions = seeds.size();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::stol(argv[2]));
  while (std::chrono::steady_clock::now() < end) {
    for (int i = 0; i < 64; ++i, ++executions) {
      Input input = seeds[below(random, seeds.size())];
      mutate(input, seeds, random);
      run(input);
    }
  }
  std::printf("executions: %llu\n", static_cast<unsigned long long>(executions));
  return 0;
}
