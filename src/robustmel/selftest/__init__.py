"""Victims about whom the truth is known, sent through the pipeline as it is: is what the tool says of them right?"""
