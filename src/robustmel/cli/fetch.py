"""`fetch-images`: what a data set names by its address."""

import sys
from typing import Annotated

import typer

from robustmel.cli.options import DatasetName, dataset_from_text


def fetch_images(
    dataset: DatasetName,
    contact: Annotated[
        str, typer.Option("--contact", help="Your mail address or web page; Wikimedia's robot policy requires it.")
    ],
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="The largest number of files to fetch.")] = None,
) -> None:
    """Download missing images from Wikimedia, politely; resumable."""
    from robustmel.errors import UsageError
    from robustmel.fetch.client import PoliteClient
    from robustmel.fetch.images import RECORD, fetch_images
    from robustmel.images import is_there
    from robustmel.progress import counted

    loaded = dataset_from_text(dataset)
    if not loaded.addresses:
        raise UsageError(
            f"data set {loaded.name} names no addresses of images; `robustmel datasets {loaded.source.name}` says where to get them."
        )
    images = {mention.image for mention in loaded.mentions} | {image for entity in loaded.kb for image in entity.images}
    missing = [(path, address) for path, address in loaded.addresses.items() if path in images and not is_there(path)]
    addresses = dict(missing[:limit])
    if not addresses:
        print("every image is there", file=sys.stderr)
        return
    record = next(iter(addresses)).parent

    with PoliteClient(contact) as client, counted("files") as progress:
        outcomes = fetch_images(addresses, client, record, progress)
    print(f"{', '.join(f'{name} {count:,}' for name, count in outcomes.items())}; see {record / RECORD}", file=sys.stderr)
    if outcomes["not_fetched"] or outcomes["no_image"]:
        raise typer.Exit(1)
