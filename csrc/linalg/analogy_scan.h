#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/types.h"

namespace embkit {

// How the products s(t) of a row x of unit length with a question's terms a, b and c make its
// score. With f(s) = (1 + s) / 2 if shifted, else s:
enum class AnalogyScoring {
  kAdd,        // s(b) - s(a) + s(c)
  kMul,        // (f(b) + smoothing) (f(c) + smoothing) / (f(a) + epsilon)
  kDirection,  // (s(b) - s(a) - start) gain / |x - c|; 0 where x is c or zero
  kOnlyB,      // s(c)
};

struct AnalogyOptions {
  std::vector<AnalogyScoring> scorings;
  double epsilon = 0;
  double smoothing = 0;
  bool shifted = true;
};

// A question: numbers of its terms, and for kDirection the product of b - a with c, the square
// of c's length, and 1 / |b - a|.
struct AnalogyQuestion {
  Index a, b, c;
  double start, square, gain;
};

// The best row for each question by each scoring, from products that all questions share: a
// test set of 20,000 questions has about 1,000 different words. Scores are of double precision;
// of those equal but for rounding the first row is taken. A few rows at a time are passed over
// where the largest and smallest products of the three terms with them show that none is best.
//
// Owns its questions. Not thread-safe; update() uses threads of its own.
class AnalogyScan {
 public:
  // The rows that question i must not return are excluded[offsets[i]] and on, sorted.
  AnalogyScan(AnalogyOptions options, std::vector<AnalogyQuestion> questions,
              std::vector<int64_t> offsets, std::vector<int64_t> excluded);

  // Takes account of num_rows more rows, which must follow all earlier ones. products:
  // num_terms x num_rows; squares: num_rows, the square of each row's length, 1 or 0.
  void update(const double* products, const double* squares, Index num_terms, Index num_rows,
              int num_threads);

  Index num_questions() const { return static_cast<Index>(questions_.size()); }
  Index num_scorings() const { return static_cast<Index>(options_.scorings.size()); }

  // num_scorings x num_questions; -1 and -inf where all rows are excluded.
  const std::vector<int64_t>& rows() const { return rows_; }
  const std::vector<double>& scores() const { return scores_; }

 private:
  struct Chunk;
  struct Extremes {
    double high, low;
  };
  void pack(const double* products, Index num_terms, Index num_rows, int num_threads);
  double bound(AnalogyScoring scoring, const AnalogyQuestion& question,
               const Extremes* extremes) const;
  void scan(const Chunk& chunk, AnalogyScoring scoring, Index question, std::size_t cell,
            bool is_positive);
  void scan_questions(const Chunk& chunk, std::size_t scoring, Index begin, Index end);

  AnalogyOptions options_;
  std::vector<AnalogyQuestion> questions_;
  std::vector<int64_t> offsets_;
  std::vector<int64_t> excluded_;
  std::vector<int64_t> rows_;
  std::vector<double> scores_;
  std::vector<double> packed_;      // of a block: num_chunks x num_terms x rows of a chunk
  std::vector<Extremes> extremes_;  // num_chunks x num_terms
  Index num_seen_ = 0;
};

}  // namespace embkit
