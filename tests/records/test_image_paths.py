from pathlib import Path

from robustmel.datasets import DATASETS
from robustmel.records.image_paths import stays_inside


def test_a_link_out_of_the_data_folder_is_seen(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "b.png").write_text("x")
    data = tmp_path / "data"
    data.mkdir()
    (data / "images").symlink_to(disk)
    (data / "c.png").symlink_to("../secret")
    (data / "d.png").symlink_to("images/b.png")
    (data / "loop.png").symlink_to("loop.png")
    assert stays_inside(data / "images" / "b.png", [data / "images"])
    assert not stays_inside(data / "images" / "b.png", [data])
    assert not stays_inside(data / "c.png", [data, data / "images"])
    assert stays_inside(data / "d.png", [data, data / "images"])
    assert stays_inside(data / "not-there.png", [data])
    assert not stays_inside(data / ".." / "secret", [data])


def test_a_data_set_knows_which_images_lead_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.png").symlink_to("../secret")
    (data / "entities.jsonl").write_text('{"id": "Q1", "name": "Ada"}\n')
    (data / "mentions.jsonl").write_text(
        '{"id": "m1", "gold": "Q1", "surface": "Ada", "image": "a.png"}\n{"id": "m2", "gold": "Q1", "surface": "A", "image": "b.png"}\n'
    )
    dataset = DATASETS.create("jsonl", path=str(data)).load()
    assert [dataset.outside(mention.image) for mention in dataset if mention.image is not None] == [True, False]
