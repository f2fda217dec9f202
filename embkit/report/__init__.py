"""Reports on vectors: one page of HTML that needs nothing else."""

from __future__ import annotations

from embkit.report.build import ModelReport, Report, ReportOptions, build_report
from embkit.report.page import render

__all__ = ["ModelReport", "Report", "ReportOptions", "build_report", "render"]
