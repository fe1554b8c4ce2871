"""Attacks made against one defence, by what it decides: above defences, since they ask their parts."""
