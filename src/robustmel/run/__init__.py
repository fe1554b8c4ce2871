"""From a grid to finished artefacts: parse, plan, execute, keep."""
