"""A report that a person can open: what was segmented, and where to look."""

from mobseg.report.write import REPORT_FILE, report_writer, write_report

__all__ = ["REPORT_FILE", "report_writer", "write_report"]
