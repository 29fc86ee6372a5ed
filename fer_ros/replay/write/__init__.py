"""What a replay leaves behind: results, report, verdict."""
