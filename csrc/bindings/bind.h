#pragma once

#include <pybind11/pybind11.h>

namespace embkit::bindings {

void bind_analogy(pybind11::module_& m);
void bind_cooccurrence(pybind11::module_& m);
void bind_corpus(pybind11::module_& m);
void bind_cuda_devices(pybind11::module_& m);
void bind_cuda_session(pybind11::module_& m);
void bind_errors(pybind11::module_& m);
void bind_fasttext(pybind11::module_& m);
void bind_glove(pybind11::module_& m);
void bind_induction(pybind11::module_& m);
void bind_io(pybind11::module_& m);
void bind_linalg(pybind11::module_& m);
void bind_phrases(pybind11::module_& m);
void bind_resampling(pybind11::module_& m);
void bind_sampling(pybind11::module_& m);
void bind_sparse(pybind11::module_& m);
void bind_text(pybind11::module_& m);
void bind_simd(pybind11::module_& m);
void bind_word2vec(pybind11::module_& m);

}  // namespace embkit::bindings
