"""The report: report.json, report.html and its pictures."""
