"""Files of records read strictly: JSON lines, whole JSON files, typed fields, and a report of what was wrong."""
