"""A real Ray cluster of several raylets on this machine: `python ray_cluster.py NODES`.

Beside the head, which the caller is on, so many nodes have the resource "far". Prints one line of JSON (the address, the client's
port, the far raylets' process numbers) and ends, with the cluster, when its input
does.
"""

from __future__ import annotations

import json
import os
import socket
import sys

os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_DISABLE_IMPORT_WARNING="1")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    from ray.cluster_utils import Cluster

    client = free_port()
    head = {"num_cpus": 1, "ray_client_server_port": client, "object_store_memory": 80 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    nodes = [cluster.add_node(num_cpus=1, resources={"far": 1}, object_store_memory=80 << 20) for _ in range(int(sys.argv[1]))]
    cluster.wait_for_nodes()
    raylets = [node.all_processes["raylet"][0].process.pid for node in nodes]
    print(json.dumps({"address": cluster.address, "client": f"ray://127.0.0.1:{client}", "raylets": raylets}), flush=True)
    sys.stdin.read()
    cluster.shutdown()


if __name__ == "__main__":
    main()
