#pragma once

#include <cstdint>
#include <vector>

#include "core/types.h"

namespace embkit {

// How the cosines (or products) of a row x with a query's terms make its score.
enum class Scoring {
  kLinear,         // one term t: gain * (t . x)
  kCosMul,         // prod (1 + cos(p, x)) / 2 over (prod (1 + cos(n, x)) / 2 + epsilon)
  kPairDirection,  // terms d, c: cos(d, x - c), with x, d and c at unit length
  kShifted,        // one term t: gain * (t . x) + the row's shift
  kRatio,          // one term t: gain * (t . x) over the query's and the row's shift, summed
};

struct TopKOptions {
  Scoring scoring = Scoring::kLinear;
  Index k = 0;
  Index num_terms = 1;     // vectors a query consists of
  Index num_positive = 0;  // kCosMul: the first terms; the rest are negative
  double epsilon = 0;      // kCosMul
  double radius = 1;       // the largest length of a row times its scale
  double reach = 0;        // kShifted: the largest size of a row's shift
};

// The least sum of shifts that kRatio divides by.
constexpr double kLeastRatioBase = 1e-6;

// A range of rows, with the products of all terms of all queries with them.
struct ScoredRows {
  const float* products;  // (num_queries * num_terms) x num_rows, single precision
  const float* rows;      // num_rows x dim
  const double* scales;   // num_rows: what a product is multiplied with (1 / length, or 1)
  const float* screens;   // num_rows: the same for screening; NaN: always compute exactly
  const double* shifts;   // num_rows, for kShifted and kRatio
  Index first_row;
  Index num_rows;
};

// The k best rows of each query, exactly: the products only screen rows out, by a bound on
// their rounding error, and every row that may be among the best is scored again in double
// precision. So the outcome depends neither on how the products were computed (blocks,
// threads, BLAS) nor on the number of threads. Scores are rounded to float; of equal ones
// the lower row is first.
//
// Owns its queries. Not thread-safe; update() uses threads of its own.
class TopK {
 public:
  // terms: num_queries x num_terms x dim; update() expects the products of the same at unit
  // length (zero stays zero). gains: num_queries, for scores of one term; bases: num_queries,
  // the queries' shifts for kRatio. The rows that query i must not return are
  // excluded[excluded_offsets[i]] and on, sorted.
  TopK(const TopKOptions& options, Index dim, std::vector<double> terms,
       std::vector<double> gains, std::vector<double> bases,
       std::vector<int64_t> excluded_offsets, std::vector<int64_t> excluded);

  // Takes account of more rows, which must follow all earlier ones.
  void update(const ScoredRows& block, int num_threads);

  // Takes account of some rows of each query, listed by their numbers, num_queries x
  // num_listed, -1 for none; no row may come twice. Needs no products: all are scored exactly.
  void update_listed(const ScoredRows& rows, const int64_t* listed, Index num_listed,
                     int num_threads);

  // Writes the best rows of each query, best first, and their scores; -1 and -inf after the
  // last. Both have room for num_queries x k.
  void result(int64_t* rows, float* scores) const;

  Index num_queries() const { return static_cast<Index>(gains_.size()); }
  Index num_terms() const { return options_.num_terms; }
  Index dim() const { return dim_; }
  Index k() const { return options_.k; }

 private:
  struct Candidate {
    float score;
    Index row;
  };

  static bool is_better(const Candidate& left, const Candidate& right) {
    return left.score > right.score || (left.score == right.score && left.row < right.row);
  }

  template <typename Policy>
  void update_query(Index query, const ScoredRows& block);
  template <typename Policy>
  void update_query_listed(Index query, const ScoredRows& rows, const int64_t* listed,
                           Index num_listed);
  template <typename Body>
  void for_each_query(int num_threads, const Body& body);
  // Whether the row has become one of the best.
  bool offer(Index query, const Candidate& candidate);
  bool is_excluded(Index query, Index row) const;

  TopKOptions options_;
  Index dim_;
  std::vector<double> terms_;
  std::vector<double> gains_;
  std::vector<double> bases_;
  std::vector<double> inverse_lengths_;  // of the terms; 0 for length zero
  std::vector<int64_t> excluded_offsets_;
  std::vector<int64_t> excluded_;
  std::vector<std::vector<Candidate>> best_;  // heaps: the worst of the best first
};

}  // namespace embkit
