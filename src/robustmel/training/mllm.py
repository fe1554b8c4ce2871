"""A small multimodal language model as a trainee: it learns to name what it is asked about."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from robustmel.datasets.dataset import Dataset
from robustmel.errors import UsageError
from robustmel.linkers import LINKERS
from robustmel.linkers.chat.prompt import Prompt
from robustmel.linkers.gemel.prompt_tokens import left_padded
from robustmel.linkers.mllm.descriptors import DESCRIBE
from robustmel.linkers.mllm.linker import MLLM
from robustmel.linkers.mllm.model import VisionLanguageModel
from robustmel.linkers.packaged_prompts import read_prompt
from robustmel.linkers.preprocessing import Picture
from robustmel.linkers.weights import WEIGHTS, model_folder
from robustmel.training.batches import augment
from robustmel.training.digests import files_digest, tokenizer_digest
from robustmel.training.image_rows import ImageRows
from robustmel.training.language_documents import facts
from robustmel.training.mllm_recipe import MLLMRecipe
from robustmel.training.publish import publish
from robustmel.training.texts import learn_tokenizer
from robustmel.training.trainee import CandidateLists, epoch_generator, no_training_mention
from robustmel.training.validation import share_of_first
from robustmel.types import TASKS, Entity, Mention, Prediction, Query

ASKED = {"image": "I2T", "fused": "IT2T", "text": "T2T", "describe": DESCRIBE}
"""What a recipe calls a share -> the question that is asked."""

BLANKED = " blanked"
"""Stands behind the name of a task whose images were replaced by grey ones."""

GREY = (64, 64)
"""Height and width of these."""

MEASURED = 32
"""Mentions asked at a time."""

DESCRIBED = (
    "red", "white", "blue", "yellow", "green", "black", "orange", "golden", "brown", "grey", "maroon", "stripes", "stripe", "star",
    "stars", "tricolour", "cross", "triangle", "triangles", "band", "bands", "disc", "crescent", "canton", "sun", "shield", "eagle",
    "square", "wreath", "rectangle", "ring", "tree", "bird", "diamond", "zigzag", "dragon", "wheel", "lion", "bear", "sword",
)  # fmt: skip
"""Colours and shapes that a descriptor names, in the order of the entity's own description."""


class MLLMTrainee:
    """See `Trainee`.

    Args:
        datasets: Their training mentions are learnt from.
        recipe: Shape, questions and optimisation.
    """

    def __init__(self, datasets: Sequence[Dataset], recipe: MLLMRecipe) -> None:
        self.recipe, self.remarks = recipe, Counter[str]()
        linker: type[MLLM] = LINKERS.load(recipe.family)
        self._prompt = read_prompt(Prompt, "mllm", recipe.prompt)
        entities = {(entity.id, entity.name): entity for dataset in datasets for entity in dataset.kb}
        read = [mention for dataset in datasets for mention in dataset.mentions if mention.split in ("train", None)]
        texts = [part for entity in entities.values() for part in (entity.name, described(entity))]
        tokenizer = learn_tokenizer(
            [
                *texts,
                *(self._prompt.question(mention.query("", ()), "IT2T", ()) for mention in read),
                *self._prompt.ask.values(),
            ],
            recipe.architecture.vocabulary,
            recipe.context,
            masked=True,
            generative=True,
        )
        tokenizer.add_special_tokens({"additional_special_tokens": list(linker.family.special_tokens)})
        tokenizer.chat_template = linker.family.template
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self._family: VisionLanguageModel = linker.family.fresh(recipe.architecture, tokenizer)
        self._begin()
        self._family.network.requires_grad_(True)
        self._images = ImageRows(self._resized, self.remarks)
        self._train = self._examples(datasets, ("train", None))
        if not self._train:
            raise no_training_mention(datasets)
        self._held_out = [(dataset, [m for m in dataset.mentions if m.split == "validation"]) for dataset in datasets]
        data = hashlib.blake2b(repr([(query, entity, row) for query, entity, row in self._train]).encode(), digest_size=16)
        for image in self._images.images:
            data.update(image.numpy().tobytes())
        self.digests: Mapping[str, str] = {
            "data": data.hexdigest(),
            "start": files_digest(recipe.assets()) if recipe.vision else "",
            "tokenizer": tokenizer_digest(tokenizer),
        }

    @classmethod
    def prepare(cls, datasets: Sequence[Dataset], recipe: MLLMRecipe, candidates: CandidateLists | None) -> MLLMTrainee:
        """Learns the tokenizer, makes the model and decodes every image; candidates are the mentions' own."""
        return cls(datasets, recipe)

    @property
    def model(self) -> nn.Module:
        """All of it is trained."""
        network: nn.Module = self._family.network
        return network

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-len(self._train) // self.recipe.batch_size)

    def batches(self, epoch: int) -> Iterator[tuple[str, list[int], int]]:
        """The question, places of training mentions, and a seed: every mention once, shuffled, a question drawn for each batch."""
        generator = epoch_generator(self.recipe.seed, epoch)
        order = torch.randperm(len(self._train), generator=generator)
        weights = torch.tensor([float(getattr(self.recipe.shares, name)) for name in ASKED])
        for step, part in enumerate(torch.split(order, self.recipe.batch_size)):
            drawn = int(torch.multinomial(weights, 1, generator=generator))
            yield list(ASKED.values())[drawn], part.tolist(), epoch * 1_000_003 + step

    def loss(self, batch: tuple[str, list[int], int], epoch: int, step: int) -> Tensor:
        """Mean cross-entropy of the answers' tokens and the end token."""
        question, places, seed = batch
        family, rows = self._family, [self._train[place] for place in places]
        if question != "T2T":
            rows = [row for row in rows if row[2] >= 0] or rows[:1]
        seen = question != "T2T" and all(row >= 0 for _, _, row in rows)
        features = self._vectors([row for _, _, row in rows], seed) if seen else None
        counts = [0] * len(rows) if features is None else [vectors[..., 0].numel() for vectors in features]
        answers = [family.answer(described(entity) if question == DESCRIBE else entity.name) for _, entity, _ in rows]
        prompts = [
            family.prompt(self._prompt.question(query, question, ()), count)
            for (query, _, _), count in zip(rows, counts, strict=True)
        ]
        ids, mask = left_padded([[*prompt, *answer] for prompt, answer in zip(prompts, answers, strict=True)])
        last = max(map(len, answers)) + 1
        positions = family.positions(ids, mask, features)
        logits = family.lm.logits(family.embedded(ids, features), mask, last, positions)
        ends = torch.full((len(rows), 1), family.lm.end)
        targets = torch.cat((ids, ends), 1)[:, -last:]
        lengths = torch.tensor([len(answer) + 1 for answer in answers])
        learnt = torch.arange(last) >= last - lengths[:, None]
        return cross_entropy(logits[learnt.to(logits.device)], targets[learnt].to(logits.device))

    def validate(self) -> dict[str, float]:
        """Accuracy per task among each mention's candidates."""
        family: type[MLLM] = LINKERS.load(self.recipe.family)
        self.model.eval()
        shares = [
            _accuracies(family.around(dataset.kb, self._family, MEASURED), dataset, mentions)
            for dataset, mentions in self._held_out
            if mentions
        ]
        self.model.train()
        return {task: sum(share[task] for share in shares) / len(shares) for task in (shares[0] if shares else ())}

    def merit(self, validation: Mapping[str, float]) -> float:
        """I2T + IT2T."""
        return validation["I2T"] + validation["IT2T"]

    def publish(self, folder: Path) -> None:
        """A folder that `AutoModelForImageTextToText` and `AutoProcessor` load, where the library knows the family."""
        self._family.save(folder)
        publish(self._family.network, self._family.tokenizer, folder, self.recipe.precision)

    def measure(
        self, folder: Path, dataset: Dataset, split: str, candidates: Sequence[tuple[str, ...]] | None
    ) -> dict[str, float]:
        """Accuracy per task of the weights as stored, and of I2T and IT2T with grey images."""
        mentions = [mention for mention in dataset.mentions if mention.split == split]
        linker = LINKERS.load(self.recipe.family)(dataset.kb, model=str(folder), device="cpu", batch_size=MEASURED)
        return _accuracies(linker, dataset, mentions, blanked=True) if mentions else {}

    # How it is done ---------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Takes the vision tower of a trained dual encoder."""
        if not self.recipe.vision:
            return
        theirs = load_file(model_folder(self.recipe.vision) / WEIGHTS)
        fresh = self._family.network.state_dict()
        taken = {
            ours + name.removeprefix(prefix): value.float()
            for prefix, ours in self._family.starts.items()
            for name, value in theirs.items()
            if name.startswith(prefix)
        }
        wanted = [name for name in fresh if name.startswith(tuple(self._family.starts.values()))]
        odd = [name for name in wanted if name not in taken or fresh[name].shape != taken[name].shape]
        if odd or not wanted:
            raise UsageError(
                f"recipe: vision = {self.recipe.vision} does not fit a {self.recipe.family} of this architecture"
                f"{': ' + odd[0] if odd else ''}; leave it out to begin anew."
            )
        self._family.network.load_state_dict({name: taken[name] for name in wanted}, strict=False)

    def _examples(self, datasets: Sequence[Dataset], splits: tuple[str | None, ...]) -> list[tuple[Query, Entity, int]]:
        """The questions, the entities meant, and the rows of the images, -1 without one."""
        examples = []
        for dataset in datasets:
            for mention in (mention for mention in dataset.mentions if mention.split in splits):
                if mention.gold is None or mention.gold not in dataset.kb:
                    self.remarks["training mentions without a gold entity in the knowledge base"] += 1
                    continue
                query = replace(mention.query(dataset.name, ()), image=None)
                examples.append((query, dataset.kb[mention.gold], self._images.row(mention.image)))
        return examples

    def _resized(self, picture: Picture) -> Tensor:
        seen = self._family.preprocessing.settings.resize(*picture.shape[:2]).picture(picture)
        return torch.from_numpy(seen).permute(2, 0, 1).contiguous()

    def _vectors(self, rows: Sequence[int], seed: int) -> list[Tensor]:
        """Of images changed at random; those of one size at once."""
        generator = torch.Generator().manual_seed((self.recipe.seed * 7_919 + seed) % 2**63)
        images = [self._images.images[row] for row in rows]
        groups = [images] if len({image.shape for image in images}) == 1 else [[image] for image in images]
        vectors: list[Tensor] = []
        for group in groups:
            pixels = augment(torch.stack(group).float() / 255, self.recipe.augmentation, generator)
            vectors += self._family.vectors(self._family.preprocessing.normalised(pixels))
        return vectors


def described(entity: Entity) -> str:
    """Main object, colours and shapes of an entity, as far as the last sentence that is known of it names them."""
    words = re.findall(r"[a-z]+", facts(entity)[-1].lower())
    main = "pennant" if "pennant" in words else "flag"
    return ", ".join(dict.fromkeys([main, *(word for word in words if word in DESCRIBED)]))


def _accuracies(linker: MLLM, dataset: Dataset, mentions: Sequence[Mention], blanked: bool = False) -> dict[str, float]:
    """Task -> share of the mentions whose entity has the highest score; ties count in part, and what is not there is wrong."""
    queries = [mention.query(dataset.name, mention.candidates or dataset.kb.ids) for mention in mentions]
    shares: dict[str, float] = {task: share_of_first(mentions, linker.link(queries, task)) for task in TASKS}
    for task in TASKS[:2] if blanked else ():
        answers: list[Prediction] = []
        for start in range(0, len(queries), MEASURED):
            part = queries[start : start + MEASURED]
            with torch.no_grad():
                table = linker.logits(torch.full((len(part), 3, *GREY), 0.5, device=linker.device), part, task)
            answers += [linker.ranked(query, row) for query, row in zip(part, table.cpu(), strict=True)]
        shares[task + BLANKED] = share_of_first(mentions, answers)
    return shares
