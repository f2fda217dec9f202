#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "bindings/bind.h"
#include "bindings/numpy_views.h"
#include "linalg/sparse_product.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

// A checked sparse matrix, and the arrays it reads.
struct SparseMatrix {
  Array<int64_t> row_offsets;
  Array<int32_t> columns;
  Array<float> values;
  CsrView view;
};

std::unique_ptr<SparseMatrix> make_matrix(const Array<int64_t>& row_offsets,
                                          const Array<int32_t>& columns,
                                          const Array<float>& values, Index num_columns) {
  check_dims(row_offsets, "row_offsets", 1);
  check_dims(columns, "columns", 1);
  check_dims(values, "values", 1);
  if (row_offsets.size() < 1) throw std::invalid_argument("row_offsets must not be empty");
  if (num_columns < 0 || num_columns > INT32_MAX) {
    throw std::invalid_argument("num_columns must be from 0 to 2^31 - 1, got " +
                                std::to_string(num_columns));
  }
  if (values.size() != columns.size()) {
    throw std::invalid_argument("values must be as many as columns (" +
                                std::to_string(columns.size()) + "), got " +
                                std::to_string(values.size()));
  }
  const CsrView view{row_offsets.data(),     columns.data(), values.data(),
                     row_offsets.size() - 1, num_columns,    columns.size()};
  view.check();
  return std::make_unique<SparseMatrix>(SparseMatrix{row_offsets, columns, values, view});
}

void check_rows(const Array<float>& array, const char* name, Index rows) {
  check_dims(array, name, 2);
  if (array.shape(0) == rows) return;
  throw std::invalid_argument(std::string(name) + " must have " + std::to_string(rows) +
                              " rows, got " + std::to_string(array.shape(0)));
}

void multiply_into(const SparseMatrix& matrix, const Array<float>& dense, Array<float>& out,
                   int threads) {
  check_rows(dense, "dense", matrix.view.num_columns);
  check_rows(out, "out", matrix.view.num_rows);
  const Index width = dense.shape(1);
  if (out.shape(1) != width) {
    throw std::invalid_argument("out must have " + std::to_string(width) + " columns, got " +
                                std::to_string(out.shape(1)));
  }
  float* const product = out.mutable_data();
  const py::gil_scoped_release unlocked;
  sparse_product(matrix.view, dense.data(), width, threads, product);
}

py::array_t<float> multiply(const SparseMatrix& matrix, const Array<float>& dense,
                            int threads) {
  check_dims(dense, "dense", 2);
  Array<float> product({matrix.view.num_rows, Index{dense.shape(1)}});
  multiply_into(matrix, dense, product, threads);
  return product;
}

std::unique_ptr<SparseMatrix> transpose(const SparseMatrix& matrix, int threads) {
  const CsrView& view = matrix.view;
  Array<int64_t> row_offsets(view.num_columns + 1);
  Array<int32_t> columns(view.num_entries);
  Array<float> values(view.num_entries);
  auto* const offsets_out = row_offsets.mutable_data();
  auto* const columns_out = columns.mutable_data();
  auto* const values_out = values.mutable_data();
  {
    const py::gil_scoped_release unlocked;
    sparse_transpose(view, threads, offsets_out, columns_out, values_out);
  }
  const CsrView turned{offsets_out,      columns_out,   values_out,
                       view.num_columns, view.num_rows, view.num_entries};
  return std::make_unique<SparseMatrix>(
      SparseMatrix{std::move(row_offsets), std::move(columns), std::move(values), turned});
}

}  // namespace

void bind_sparse(py::module_& m) {
  py::class_<SparseMatrix>(m, "SparseMatrix", "Compressed rows, read where they stand.")
      .def(py::init(&make_matrix), py::arg("row_offsets").noconvert(),
           py::arg("columns").noconvert(), py::arg("values").noconvert(), py::kw_only(),
           py::arg("num_columns"))
      .def("multiply", &multiply, py::arg("dense").noconvert(), py::kw_only(),
           py::arg("threads"), "Return matrix x dense; the same bits for any threads.")
      .def("multiply_into", &multiply_into, py::arg("dense").noconvert(),
           py::arg("out").noconvert(), py::kw_only(), py::arg("threads"),
           "Write matrix x dense to ``out``, which is no part of ``dense``.")
      .def("transpose", &transpose, py::kw_only(), py::arg("threads"),
           "Return the transposed matrix, in arrays of its own.")
      .def_property_readonly("row_offsets", [](const SparseMatrix& s) { return s.row_offsets; })
      .def_property_readonly("columns", [](const SparseMatrix& s) { return s.columns; })
      .def_property_readonly("values", [](const SparseMatrix& s) { return s.values; })
      .def_property_readonly("shape", [](const SparseMatrix& s) {
        return py::make_tuple(s.view.num_rows, s.view.num_columns);
      });
}

}  // namespace embkit::bindings
