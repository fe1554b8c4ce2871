"""Linkers of known robustness, run through the pipeline: does the tool report the truth?"""
