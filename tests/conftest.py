"""Fixtures shared by all tests."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

os.environ.setdefault("HF_HUB_OFFLINE", "1")

COLOURS = {
    "red": (0.9, 0.1, 0.1),
    "green": (0.1, 0.7, 0.2),
    "blue": (0.1, 0.2, 0.8),
    "white": (0.9, 0.9, 0.9),
    "black": (0.1, 0.1, 0.1),
    "gold": (0.9, 0.8, 0.2),
}


@pytest.fixture
def colour_data(tmp_path: Path) -> Path:
    """Eighteen mentions of six colours, images of two sizes, in the project's own format."""
    return make_colour_data(tmp_path / "colours")


def make_colour_data(folder: Path) -> Path:
    (folder / "images").mkdir(parents=True)
    generator = np.random.default_rng(0)
    mentions, names = [], list(COLOURS)
    for number in range(18):
        name = names[number % 6]
        size = (9, 12) if number % 3 else (8, 8)
        pixels = np.array(COLOURS[name]) + generator.normal(0, 0.05, (*size, 3))
        image = f"images/{number}.png"
        Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8)).save(folder / image)
        candidates = [names[(number + step) % 6] for step in range(2 + number % 3)]
        mentions.append(
            {"id": f"m{number}", "text": f"The {name} flag, number {number}.", "surface": name, "image": image, "gold": name}
            | {"candidates": sorted(candidates), "split": "test"}
        )
    entities = [{"id": name, "name": name, "description": " ".join(map(str, colour))} for name, colour in COLOURS.items()]
    (folder / "mentions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mentions))
    (folder / "entities.jsonl").write_text("".join(json.dumps(row) + "\n" for row in entities))
    return folder


@pytest.fixture(scope="session")
def opt_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny OPT of random weights that reads 512 tokens; its tokenizer knows no capitals."""
    import torch
    from transformers import OPTConfig, OPTForCausalLM

    from robustmel.training.texts import END, PAD, START, learn_tokenizer

    folder = tmp_path_factory.mktemp("opt")
    texts = ("[Text]a flag of it", "[Question]What does it mentioned in the text refer to?", "[Answer]a card lay on table")
    tokenizer = learn_tokenizer(texts, vocabulary=420, length=512, masked=True)
    ids = {
        name: tokenizer.convert_tokens_to_ids(token)
        for name, token in zip(("bos_token_id", "eos_token_id", "pad_token_id"), (START, END, PAD), strict=True)
    }
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "ffn_dim": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "word_embed_proj_dim": 16}
    network = OPTForCausalLM(OPTConfig(vocab_size=len(tokenizer), max_position_embeddings=512, init_std=0.15, **shape, **ids))
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photographs and real data-set files beside the checkout; a test that needs them skips where they are absent."""
    folder = Path(os.environ.get("ROBUSTMEL_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no folder {folder.name} of real files beside the checkout (set ROBUSTMEL_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def paraphraser() -> Iterator[str]:
    """The address of a chat endpoint that puts one of two words before the sentence it is sent, as the seed has it."""

    def answer(request: Request) -> Response:
        body = request.get_json()
        sentence = body["messages"][0]["content"].partition("\n\n")[2]
        reply = ["Reportedly, ", "Truly, "][body["seed"] % 2] + sentence
        return Response(json.dumps({"choices": [{"message": {"content": reply}, "finish_reason": "stop"}]}))

    with HTTPServer() as server:
        server.expect_request("/v1/chat/completions").respond_with_handler(answer)
        yield server.url_for("/v1")


@pytest.fixture(scope="session")
def lexicons(tmp_path_factory: pytest.TempPathFactory, paraphraser: str) -> dict[str, dict[str, str]]:
    """Name of a text attack -> what it reads: a WordNet database of a few synsets, word vectors of a few words, an endpoint."""
    folder = tmp_path_factory.mktemp("lexicons")
    synsets = {
        "noun": [
            "crown diadem",
            "wall bulwark Hadrian's_Wall",
            "man adult_male gentleman human",
            "human humans",
            "flag banner",
            "city metropolis",
            "box carton",
        ],
        "verb": ["paint coat", "walk stroll", "take seize", "paint color"],
        "adj": ["red(a) scarlet crimson", "big large"],
        "adv": ["quickly rapidly"],
    }
    header = "  1 a licence\n"
    for part, lines in synsets.items():
        data, places = header, dict[str, list[str]]()
        for line in lines:
            members = line.split()
            offset = f"{len(data):08d}"
            data += (
                f"{offset} 00 {part[0]} {len(members):02x} " + "".join(f"{member} 0 " for member in members) + "000 | a gloss\n"
            )
            for member in members:
                places.setdefault(member.partition("(")[0].lower(), []).append(offset)
        (folder / f"data.{part}").write_text(data)
        index = [f"{lemma} {part[0]} {len(at)} 1 @ {len(at)} 0 {' '.join(at)}  \n" for lemma, at in sorted(places.items())]
        (folder / f"index.{part}").write_text(header + "".join(index))
    (folder / "noun.exc").write_text("men man\n")
    (folder / "verb.exc").write_text("took take\n")
    near = {
        "red": (1, 0),
        "scarlet": (0.9, 0.1),
        "flooding": (1, -1),
        "floods": (0.9, -1),
        "wall": (0, 1),
        "bulwark": (0.1, 1),
        "Zorn": (-1, -1),
    }
    (folder / "vectors.txt").write_text("".join(f"{word} {x} {y}\n" for word, (x, y) in near.items()))
    asked = {"model": "double", "endpoint": paraphraser, "replies": str(folder / "replies.sqlite")}
    return {"wordnet": {"folder": str(folder)}, "embedding": {"vectors": str(folder / "vectors.txt")}, "paraphrase": asked}


@pytest.fixture(scope="session")
def masked_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny RoBERTa whose vocabulary has words of several scripts; it reads 62 tokens."""
    import torch
    from transformers import RobertaConfig, RobertaForMaskedLM

    from robustmel.training.texts import learn_tokenizer

    folder = tmp_path_factory.mktemp("roberta")
    vocabulary = "red walls painted quickly old tall city said the of 北 京 城 ภ 한국어 Привет стены كتاب שלום हिन्दी café"
    words = vocabulary.split()
    texts = [" ".join(words[place:] + words[:place]) for place in range(len(words))]
    tokenizer = learn_tokenizer(texts * 5, vocabulary=500, length=62, masked=True, fills_in=True)
    torch.manual_seed(0)
    shape = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "initializer_range": 0.3,
    }
    config = RobertaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=65, pad_token_id=2, bos_token_id=0, eos_token_id=1, **shape
    )
    RobertaForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
