"""The fault model row by row: which test shows each, and that this test exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

# Faults of corpus (1-23), parameters and resources (24-32), interruption and output (33-52),
# files that are read (53-65) and the GPU (66): what happens, then where it is shown.
ROWS: dict[int, tuple[str, str]] = {
    1: (
        "corpus missing or unreadable",
        "test_corpus_sources::test_missing_and_unreadable_files_are_found_before_any_work "
        "test_cli_train::test_a_run_that_cannot_end_well_leaves_no_output",
    ),
    2: ("no tokens", "test_corpus::test_no_tokens_is_said"),
    3: (
        "vocabulary emptied by min_count",
        "test_corpus::test_an_emptied_vocabulary_says_what_was_read_and_what_would_survive",
    ),
    4: (
        "vocabulary of one word",
        "test_cli_train::test_a_run_that_cannot_end_well_leaves_no_output",
    ),
    5: ("no final newline", "test_surroundings::test_last_word_without_a_newline_is_kept"),
    6: (
        "CRLF and lone CR",
        "test_corpus::test_equals_the_oracle_for_any_blocks_and_threads "
        "test_cli_train::test_odd_bytes_of_a_text_are_told_once",
    ),
    7: (
        "byte-order marks",
        "test_corpus_bytes::test_a_byte_order_mark_is_stripped_at_the_start_of_each_file_only "
        "test_corpus_bytes::test_other_unicode_forms_are_told_by_their_mark",
    ),
    8: (
        "invalid UTF-8",
        "test_corpus_bytes::test_invalid_bytes_are_an_error_with_line_and_byte "
        "test_cli_train::test_odd_bytes_of_a_text_are_told_once "
        "test_corpus_bytes::test_any_bytes_are_kept_exactly_or_replaced",
    ),
    9: ("NUL bytes", "test_corpus_bytes::test_any_bytes_are_kept_exactly_or_replaced"),
    10: (
        "token over 1 MiB",
        "test_corpus_bytes::test_a_token_over_one_mebibyte_is_an_error_with_line_and_byte",
    ),
    11: (
        "endless line",
        "test_corpus::test_a_line_is_one_sentence_however_long "
        "test_corpus::test_memory_does_not_grow_with_the_text",
    ),
    12: (
        "words that other tools reserve",
        "test_surroundings::test_words_that_other_tools_reserve_are_ordinary_words",
    ),
    13: (
        "composed letters and blanks of Unicode",
        "test_surroundings::test_blanks_of_unicode_and_composed_letters_are_left_as_they_are "
        "test_corpus_reading::test_words_of_a_file_are_those_of_the_normal_form",
    ),
    14: (
        "compressed corpora",
        "test_corpus_sources::test_compressed_files_are_told_by_content "
        "test_corpus_sources::test_concatenated_members_are_one_text "
        "test_corpus_sources::test_truncated_and_trailing_streams_are_errors",
    ),
    15: (
        "decompression bomb",
        "test_streams::test_memory_stays_flat_on_a_bomb "
        "test_corpus_reading::test_text_beyond_the_limit_is_refused",
    ),
    16: (
        "FIFO or standard input",
        "test_corpus_sources::test_a_fifo_is_read_once "
        "test_corpus_sources::test_standard_input_is_read_once",
    ),
    17: ("devices", "test_corpus_sources::test_devices_are_refused"),
    18: (
        "corpus changes while it is read",
        "test_corpus_sources::test_a_file_that_changes_while_it_is_read_is_an_error "
        "test_corpus_sources::test_a_file_that_changes_before_its_turn_is_an_error",
    ),
    19: (
        "read error midway",
        "test_surroundings::test_error_of_the_disk_while_the_text_is_read_is_told "
        "test_surroundings::test_error_of_the_disk_names_the_file_whatever_it_holds",
    ),
    20: (
        "counts beyond 32 bits",
        "test_corpus::test_counts_and_their_sums_have_64_bits "
        "test_large::test_training_goes_on_past_so_many_tokens",
    ),
    21: (
        "matrices beyond 2^31 elements",
        "test_large::test_a_mapped_matrix_has_more_than_2_31_elements",
    ),
    22: (
        "vocabulary files and Fibonacci counts",
        "test_vocabulary_text::test_a_wrong_line_is_named "
        "test_cli_commands::test_a_count_of_zero_is_named_with_its_line "
        "test_corpus::test_an_unusable_given_vocabulary_is_refused "
        "test_sampling::test_fibonacci_counts_make_ninety_levels",
    ),
    23: (
        "words made to collide",
        "test_corpus::test_patterned_words_take_no_longer_than_random_ones",
    ),
    24: (
        "dim of any size",
        "test_training_refusals::test_wrong_options_are_refused_by_name "
        "test_memory::test_each_way_that_is_named_is_enough_and_the_next_value_is_not",
    ),
    25: (
        "threads of any number",
        "test_training_refusals::test_wrong_options_are_refused_by_name "
        "test_corpus_sources::test_a_thousand_threads_change_nothing",
    ),
    26: (
        "NaN and zero as options",
        "test_training_refusals::test_wrong_options_are_refused_by_name "
        "test_glove_runs::test_wrong_option_is_named",
    ),
    27: (
        "divergence",
        "test_training_refusals::test_divergence_names_the_learning_rate "
        "test_training_refusals::test_finite_loss_beyond_all_bounds_is_a_divergence "
        "test_glove_runs::test_finite_cost_beyond_all_bounds_is_a_divergence "
        "test_glove_resume::test_diverged_run_keeps_the_last_good_checkpoint",
    ),
    28: (
        "unknown options, configurations without end",
        "test_cli::test_usage_errors_are_one_line_and_exit_2 "
        "test_cli_config::test_config_of_any_size_or_kind_is_no_reason_to_wait",
    ),
    29: (
        "more memory than the container allows",
        "test_memory::test_container_limits_a_training_that_names_no_limit "
        "test_memory::test_container_of_version_2_leaves_its_limit_minus_what_it_must_hold "
        "test_memory::test_each_way_that_is_named_is_enough_and_the_next_value_is_not",
    ),
    30: ("allocation fails, process killed", "native/faults::put_faults native/kills::kill"),
    31: (
        "limits of the system",
        "test_surroundings::test_limits_of_the_system_end_a_run_by_an_error_and_no_signal "
        "test_formats::test_a_full_disk_keeps_the_old_file_at_every_size",
    ),
    32: (
        "locales",
        "test_repeatability::test_hash_seed_and_locale_change_nothing "
        "test_cli_start::test_letters_that_the_terminal_lacks_are_escaped "
        "test_word2vec_text::test_a_locale_with_a_decimal_comma_changes_nothing",
    ),
    33: (
        "no folder of the user",
        "test_surroundings::test_folder_of_the_user_and_of_temporary_files_need_not_be_named "
        "test_output::test_no_folder_for_temporary_files_is_told_with_what_mends_it",
    ),
    34: (
        "SIGINT",
        "test_resume::test_run_ended_by_a_signal_resumes_to_the_same_file "
        "test_cli_train::test_a_signal_ends_training_within_a_second_and_leaves_nothing "
        "test_cli_signals::test_second_signal_ends_what_hears_none "
        "test_cli_signals::test_signal_that_comes_twice_at_once_is_one "
        "test_resume::test_second_signal_ends_a_run_at_once_and_it_still_resumes",
    ),
    35: (
        "SIGTERM and SIGHUP",
        "test_resume::test_run_ended_by_a_signal_resumes_to_the_same_file",
    ),
    36: (
        "SIGKILL",
        "test_resume::test_run_killed_at_any_touch_of_its_folder_goes_on "
        "test_output_locks::test_what_a_killed_run_left_is_removed_and_nothing_else "
        "native/kills::kill_everywhere",
    ),
    37: (
        "stopped and continued, clocks",
        "test_surroundings::test_stopped_and_continued_run_ends_the_same "
        "test_surroundings::test_clock_that_stands_still_divides_nothing "
        "test_surroundings::"
        "test_speed_after_an_interruption_leaves_out_what_was_trained_before",
    ),
    38: ("SIGPIPE", "test_cli_start::test_a_closed_pipe_ends_quietly_with_141"),
    39: (
        "power loss",
        "native/power::cut_everywhere "
        "test_fault_harness::test_rename_before_the_sync_is_seen_as_a_torn_file",
    ),
    40: (
        "disk full",
        "native/faults::put_faults "
        "test_output::test_every_size_of_a_full_disk_leaves_the_old_file "
        "test_surroundings::"
        "test_counts_that_find_no_room_name_their_file_and_not_the_temporary_ones "
        "test_resume_refused::test_checkpoint_that_cannot_be_written_does_not_end_the_run",
    ),
    41: ("fsync fails", "test_output::test_every_failing_call_leaves_the_old_state"),
    42: (
        "output folder missing, read-only, full",
        "test_surroundings::test_space_for_the_output_is_tried_before_the_training "
        "test_cli::test_missing_output_folder_is_found_before_the_input_is_read "
        "test_cli_outputs::test_a_read_only_folder_is_refused",
    ),
    43: (
        "output exists",
        "test_cli_outputs::test_what_exists_is_kept_unless_told "
        "test_output::test_overwriting_keeps_the_mode_and_old_readers",
    ),
    44: (
        "output is a link, a pipe, a device",
        "test_output::test_a_symbolic_link_keeps_its_place "
        "test_output::test_a_pipe_is_streamed_to "
        "test_cli_outputs::test_vectors_go_to_a_stream_in_the_format_that_is_given "
        "test_output::test_dev_full_is_an_error_with_its_name",
    ),
    45: (
        "output is the input",
        "test_cli_outputs::test_an_input_is_never_the_output "
        "test_cli_outputs::test_a_cache_is_not_the_output",
    ),
    46: (
        "two runs on one output",
        "test_resume_options::test_two_runs_on_one_output_exclude_each_other "
        "test_output_locks::test_a_second_run_is_told_who_holds_the_output "
        "test_output_locks::test_a_file_that_is_only_called_like_a_lock_is_kept",
    ),
    47: (
        "two runs with one temporary folder",
        "test_corpus_sources::test_no_descriptor_and_no_file_is_left",
    ),
    48: ("odd names", "test_output::test_any_name_works"),
    49: (
        "reader while it is replaced",
        "test_output::test_overwriting_keeps_the_mode_and_old_readers "
        "test_safetensors_dir::test_a_mapped_model_survives_being_saved_over",
    ),
    50: (
        "resumed with something else",
        "test_resume_options::test_every_option_is_part_of_what_a_run_is "
        "test_resume_options::test_all_differences_are_listed "
        "test_cli_resume::test_a_folder_from_elsewhere_replaces_no_file_of_the_user "
        "test_cli_resume::test_run_is_resumed_with_its_simd_level_or_refused",
    ),
    51: (
        "damaged checkpoint",
        "test_resume_refused::test_every_truncation_and_flipped_bit_of_a_checkpoint_is_seen "
        "test_resume_refused::test_damaged_checkpoint_falls_back_to_the_one_before",
    ),
    52: (
        "threads and forks",
        "test_surroundings::test_training_in_another_thread_is_the_same "
        "test_surroundings::test_process_that_has_trained_on_threads_may_fork",
    ),
    53: (
        "wild headers",
        "test_attacks::test_attack_is_refused "
        "test_attacks::test_attacks_take_neither_time_nor_memory",
    ),
    54: (
        "truncated files",
        "test_word2vec_binary::test_every_truncation_is_an_error "
        "test_word2vec_text::test_every_truncation_is_an_error_or_a_prefix_of_the_rows "
        "test_npz_hostile::test_truncation_at_every_byte_is_refused "
        "test_fasttext_hostile::test_every_truncation_names_the_field_that_it_cut "
        "test_safetensors_hostile::test_truncation_at_every_byte_is_refused",
    ),
    55: (
        "wrong counts of rows",
        "test_attacks::test_attack_is_refused "
        "test_word2vec_text::test_lenient_keeps_whole_rows_and_says_so",
    ),
    56: ("broken rows", "test_word2vec_text::test_a_fault_is_placed"),
    57: (
        "NaN, infinity, zeros",
        "test_attacks::test_attack_is_refused "
        "test_word2vec_text::test_zero_vectors_are_kept_and_counted "
        "test_retrieval::test_zero_rows_and_zero_queries_are_similar_to_nothing",
    ),
    58: ("duplicate words", "test_word2vec_binary::test_the_first_of_duplicates_wins"),
    59: (
        "odd words",
        "test_word2vec_text::test_words_may_hold_blanks_and_any_bytes "
        "test_word2vec_binary::test_a_word_that_binary_cannot_hold_is_refused",
    ),
    60: (
        "binary rows with newlines",
        "test_word2vec_binary::test_reads_rows_with_and_without_newlines",
    ),
    61: (
        "another kind of file",
        "test_attacks::test_attack_is_refused "
        "test_promises::test_no_code_comes_from_files_and_nothing_from_the_network",
    ),
    62: (
        "fastText models",
        "test_fasttext_hostile::test_hostile_fields_are_refused "
        "test_fasttext_hostile::test_quantised_models_are_named",
    ),
    63: (
        "npz archives",
        "test_npz_hostile::test_hostile_archives_are_refused "
        "test_npz_hostile::test_members_that_stand_twice_are_refused",
    ),
    64: (
        "dictionaries",
        "test_dictionaries::test_broken_lines_are_told_by_place "
        "test_cli_map::test_a_dictionary_without_known_pairs_is_wrong_data "
        "test_cli_translation::"
        "test_tests_of_which_nothing_is_known_end_with_the_code_of_unusable_data "
        "test_dictionaries::test_used_and_unused_pairs_are_counted_with_reasons",
    ),
    65: (
        "evaluation sets",
        "test_datasets::test_malformed_pairs_are_refused "
        "test_cli_eval::"
        "test_a_set_of_which_nothing_is_known_ends_with_the_code_of_unusable_data "
        "test_evaluation_similarity::test_undefined_scores_have_their_reason_and_no_interval",
    ),
    66: (
        "GPU absent or unusable",
        "test_backend::test_missing_gpu_is_told "
        "test_cuda_build::test_the_gpu_part_loads_where_there_is_no_driver_and_says_so",
    ),
}


def test_model_has_every_row() -> None:
    assert list(ROWS) == list(range(1, 67))
    assert all(tests for _, tests in ROWS.values())


@pytest.mark.parametrize("row", ROWS)
def test_row_is_shown_by_tests_that_exist(row: int) -> None:
    for name in ROWS[row][1].split():
        module, _, function = name.partition("::")
        source = (TESTS / f"{module}.py").read_text(encoding="utf-8")
        assert re.search(rf"^def {function}\(", source, re.MULTILINE), name
