"""Pieces done on other machines: a cluster's engine starts workers, and they fetch pieces from the process that asked for the run.

Ray and Slurm differ only in how a worker is started (`ray_launcher`, `slurm_launcher`). Pieces, news and answers travel as JSON over
the workers' own connection; what is made travels through the store, which every machine sees under the same path.
"""
