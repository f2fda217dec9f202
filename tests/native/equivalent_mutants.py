"""Mutants that no test can tell from the original, each with the reason.

Found by reading, not by having survived: what is listed here does what the original does, if
faster, slower or in larger pieces. A survivor of which that cannot be shown is not listed.
"""

from __future__ import annotations

_LIMIT = "a limit is at least 1, or -1 for none"
_STATED = "a header of 0 rows was refused"
_MEMORY = "memory is made ready for another size; it grows where that is too small"
_OTHER_LIBRARY = "not compiled where the library has from_chars for floats"
_THREADS = "the rows are copied by others of the threads"
_PIECES = "the file is read in other pieces"

EQUIVALENT: dict[str, dict[tuple[str, str], str]] = {
    "csrc/io/fasttext.cpp": {
        (
            "model.word_offsets.reserve(static_cast<size_t>(num_words) + 1);",
            "+ -> -",
        ): _MEMORY,
        (
            "model.word_offsets.reserve(static_cast<size_t>(num_words) + 1);",
            "1 -> 0",
        ): _MEMORY,
        ("if (size <= 0) return;", "<= -> <"): "of an index of 0 entries nothing is read",
        (
            "return a.first != b.first ? a.first < b.first"
            " : model.word(a.second) < model.word(b.second);",
            "< -> <=",
        ): "asked only of hashes that differ",
        (
            "return a.first != b.first ? a.first < b.first"
            " : model.word(a.second) < model.word(b.second);",
            "!= -> ==",
        ): "sorts by words in place of hashes, which brings equal words together too",
        (
            "if (order[i].first != order[i - 1].first) continue;",
            "1 -> 0",
        ): "skips nothing: words of different hashes are compared too, and differ",
        (
            "if (model.word(order[i].second) == model.word(order[i - 1].second)) {",
            "1 -> 0",
        ): "the hashes are equal already: another result for two words of one 64-bit hash only",
        (
            "for (size_t begin = 0; begin < length; ++begin) {",
            "< -> <=",
        ): "behind the last byte of a string stands a NUL, and no n-gram begins there",
        (
            "} while (end < length && is_continuation(byte_at(end)));",
            "< -> <=",
        ): "behind the last byte of a string stands a NUL, which continues no character",
        (
            "for (int64_t begin; !stop && (begin = next.fetch_add(kChunk)) < num_rows;) {",
            "< -> <=",
        ): "one more part, without rows",
    },
    "csrc/io/parse_float.cpp": {
        (
            "return value == value && value <= std::numeric_limits<float>::max() &&",
            "&& -> ||",
        ): _OTHER_LIBRARY,
        (
            "return value == value && value <= std::numeric_limits<float>::max() &&",
            "&& -> || (2)",
        ): _OTHER_LIBRARY,
        (
            "return value == value && value <= std::numeric_limits<float>::max() &&",
            "<= -> <",
        ): _OTHER_LIBRARY,
        (
            "return value == value && value <= std::numeric_limits<float>::max() &&",
            "== -> !=",
        ): _OTHER_LIBRARY,
        ("value >= std::numeric_limits<float>::lowest();", ">= -> >"): _OTHER_LIBRARY,
        (
            "if (decimal.exponent + std::min<int64_t>(decimal.digits, 19) > 0) {",
            "> -> >=",
        ): "asked of what no float is near to; a sum of 0 is a number from 1e-9 to 1, unless a"
        " million digits stand against an exponent as large",
    },
    "csrc/io/word2vec_text.cpp": {
        (
            "batches_(reader, options.batch * static_cast<size_t>(options.threads)),",
            "* -> +",
        ): _PIECES,
        (
            "table_.report.crlf_lines = length > 1 && lines[length - 2] == '\\r';",
            "> -> >=",
        ): "a header has two fields, so its line is longer",
        (
            "table_.report.crlf_lines = length > 1 && lines[length - 2] == '\\r';",
            "1 -> 0",
        ): "a header has two fields, so its line is longer",
        ("table_.vectors.reserve(wanted(rows) * table_.dim);", "* -> +"): _MEMORY,
        (
            "return options_.limit < 0 ? rows"
            " : std::min(rows, static_cast<uint64_t>(options_.limit));",
            "< -> <=",
        ): _LIMIT,
        (
            "return options_.limit < 0"
            " || table_.num_words() < static_cast<uint64_t>(options_.limit);",
            "< -> <=",
        ): _LIMIT,
        ("if (options_.limit < 0) return lines;", "< -> <="): _LIMIT,
        ("if (pieces.size() == 1) {", "1 -> 0"): "one piece is parsed by a thread of its own",
        (
            "if (table_.report.stated_rows >= 0) table_.vectors.reserve(rows * table_.dim);",
            ">= -> >",
        ): _STATED,
        (
            "if (table_.report.stated_rows >= 0) table_.vectors.reserve(rows * table_.dim);",
            "* -> +",
        ): _MEMORY,
        (
            "constexpr size_t kWorthAThread = size_t{1} << 18;",
            "18 -> 0",
        ): "small files are parsed by several threads too",
        (
            "if (stated >= 0 && !options_.lenient"
            " && static_cast<int64_t>(table_.num_words()) > stated) {",
            ">= -> >",
        ): _STATED,
        (
            "if (!report.reached_end || report.stated_rows < 0"
            " || rows == report.stated_rows) return;",
            "< -> <=",
        ): _STATED,
        (
            "if (offset < 0) offset = line <= 1 ? 0 : static_cast<int64_t>(batches_.offset());",
            "< -> <=",
        ): "byte 0 is in line 1, of which it is told anyway",
    },
    "csrc/io/word2vec_binary.cpp": {
        (
            "for (; i + kStep <= dim; i += kStep) {",
            "<= -> <",
        ): "the last four numbers are copied as the rest, which has room for four",
        (
            "if (i < dim) found |="
            " copy_some(to + i, from + i * sizeof(float), (dim - i) * sizeof(float));",
            "< -> <=",
        ): "copies nothing once more",
        ("bool ends_file = false;", "false -> true"): "set before it is asked for",
        ("if (threads_ == 1) {", "== -> !="): _THREADS,
        ("if (threads_ == 1) {", "1 -> 0"): _THREADS,
        ("while (static_cast<int>(helpers_.size()) + 1 < threads_) {", "< -> <="): _THREADS,
        ("while (static_cast<int>(helpers_.size()) + 1 < threads_) {", "+ -> -"): _THREADS,
        ("while (static_cast<int>(helpers_.size()) + 1 < threads_) {", "1 -> 0"): _THREADS,
        ("bool closed_ = false;", "false -> true"): _THREADS,
        (
            "const bool takes_all = options_.limit < 0 || is_cut_;",
            "< -> <=",
        ): _LIMIT,
        ("std::vector<Chunk> chunks(static_cast<size_t>(threads) + 2);", "2 -> 0"): _PIECES,
        (
            "if (options_.limit >= 0)"
            " wanted = std::min(wanted, static_cast<uint64_t>(options_.limit));",
            ">= -> >",
        ): _LIMIT,
        ("table_.vectors.reserve(wanted * table_.dim);", "* -> +"): _MEMORY,
        ("table_.offsets.reserve(wanted + 1);", "+ -> -"): _MEMORY,
        ("table_.offsets.reserve(wanted + 1);", "1 -> 0"): _MEMORY,
        ("constexpr size_t kWorthAThread = size_t{1} << 20;  // bytes", "20 -> 0"): _THREADS,
        (
            "std::clamp<uint64_t>(parts, 1, static_cast<uint64_t>(options_.threads)));",
            "1 -> 0",
        ): _THREADS,
        (
            "size_t room = left + std::max(std::min(options_.batch, kChunk), row_bytes() + 2);",
            "+ -> - (2)",
        ): _PIECES,
        (
            "size_t room = left + std::max(std::min(options_.batch, kChunk), row_bytes() + 2);",
            "2 -> 0",
        ): _PIECES,
        (
            "if (chunk.data.size() < room) chunk.data.resize(room);",
            "< -> <=",
        ): "is given the size that it has",
        (
            "if (numbers > table_.vectors.capacity()) {",
            "> -> >=",
        ): "waits where the matrix need not grow",
        (
            "if (not_finite_.empty() || offset < first_fault_.offset) {",
            "< -> <=",
        ): "each row has another offset",
        (
            "static constexpr size_t kChunk = size_t{1} << 20;"
            "  // a call for less costs the system more",
            "20 -> 0",
        ): _PIECES,
        (
            "bool has_rest_ = false;  // behind the last row of the last chunk",
            "false -> true",
        ): "set before it is asked for",
    },
    "embkit/training/run.py": {
        (
            'stream.write(json.dumps(content, indent=2).encode() + b"\\n")',
            "2 -> 3",
        ): "blanks between the parts of JSON",
    },
    "embkit/formats/npz_archive.py": {
        ("while filled < len(target):", "Lt -> LtE"): "reads no byte of what is full, and ends",
    },
    "embkit/formats/sniff.py": {
        (
            "return at > 0 and at in ends and not any(map(_NUMBER.fullmatch, fields))",
            "0 -> 1",
        ): "a row of two numbers takes 9 bytes or more, so `at` is never 1",
    },
    "embkit/formats/sparse_entries.py": {
        (
            "begins = np.zeros(len(columns) + 1, np.bool_)",
            "1 -> 2",
        ): "only the marks up to len(columns) are looked at",
    },
    "embkit/formats/blocks.py": {
        ("BLOCK_BYTES = 1 << 23", "23 -> 24"): _PIECES,
        (
            "stream = io.BufferedReader(rejoined(head, raw), 1 << 20)"
            "  # type: ignore[type-var, unused-ignore]",
            "1 -> 2",
        ): "a buffer of another size",
        (
            "stream = io.BufferedReader(rejoined(head, raw), 1 << 20)"
            "  # type: ignore[type-var, unused-ignore]",
            "20 -> 21",
        ): "a buffer of another size",
    },
    "embkit/formats/words.py": {
        ('if found["stated_rows"] >= 0:', "GtE -> Gt"): _STATED,
        (
            "limit=-1 if options.limit is None else options.limit,",
            "1 -> 2",
        ): "any limit below 0 is none",
        **dict.fromkeys(
            (
                ("step = max(1, (1 << 21) // max(embeddings.dim, 1))", change)
                for change in ("21 -> 22", "1 -> 2", "1 -> 2 (2)", "1 -> 2 (3)")
            ),
            "another number of rows is packed at a time",
        ),
    },
}
