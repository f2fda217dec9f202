#include "bindings/bind.h"

PYBIND11_MODULE(_core, m) {
  m.doc() = "The native core of embkit. Private: import embkit instead.";
  embkit::bindings::bind_analogy(m);
  embkit::bindings::bind_cooccurrence(m);
  embkit::bindings::bind_corpus(m);
  embkit::bindings::bind_errors(m);
  embkit::bindings::bind_fasttext(m);
  embkit::bindings::bind_glove(m);
  embkit::bindings::bind_induction(m);
  embkit::bindings::bind_io(m);
  embkit::bindings::bind_linalg(m);
  embkit::bindings::bind_phrases(m);
  embkit::bindings::bind_resampling(m);
  embkit::bindings::bind_sampling(m);
  embkit::bindings::bind_sparse(m);
  embkit::bindings::bind_text(m);
  embkit::bindings::bind_simd(m);
  embkit::bindings::bind_word2vec(m);
}
