"""GEMEL written out by hand with the transformers library alone: prompts, plain forward passes, `generate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file

from robustmel.types import Query

from .conftest import DEMOS, VISION_WIDTH


class ByHand:
    """GEMEL in its own words: one query at a time, the whole prompt as one sequence of embeddings."""

    def __init__(self, folder: Path, clip: Path, opt: Path) -> None:
        from transformers import AutoTokenizer, CLIPModel, OPTForCausalLM
        from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

        self.clip, self.clip_words = CLIPModel.from_pretrained(clip), AutoTokenizer.from_pretrained(clip)
        self.processor = CLIPImageProcessorPil.from_pretrained(clip)
        self.lm, self.words = OPTForCausalLM.from_pretrained(opt), AutoTokenizer.from_pretrained(opt)
        self.mapper = load_file(folder / "mapper.safetensors")
        self.stored = load_file(folder / "demo_features.safetensors")["features"].float()

    def ids(self, text: str) -> list[int]:
        ids: list[int] = self.words(text, add_special_tokens=False)["input_ids"]
        return ids

    def read(self, ids: Sequence[int]) -> torch.Tensor:
        embeds: torch.Tensor = self.lm.get_input_embeddings()(torch.tensor(list(ids), dtype=torch.long))
        return embeds

    def visual(self, features: torch.Tensor) -> torch.Tensor:
        return (self.mapper["weight"] @ features + self.mapper["bias"]).reshape(4, 16)

    def question(self, features: torch.Tensor, text: str, mention: str) -> list[torch.Tensor]:
        asked = f"[Text]{text}\n[Question]What does {mention} mentioned in the text refer to?\n[Answer]"
        return [self.visual(features), self.read(self.ids(asked))]

    def nearest(self, mention: str, count: int) -> list[int]:
        """The least similar first."""

        def embed(texts: list[str]) -> torch.Tensor:
            rows = [self.clip.get_text_features(**self.clip_words(text, return_tensors="pt")).pooler_output for text in texts]
            return torch.nn.functional.normalize(torch.cat(rows), dim=-1)

        similarity = (embed([demo.mention for demo in DEMOS]) @ embed([mention])[0]).tolist()
        return sorted(range(len(DEMOS)), key=lambda place: (-round(similarity[place], 5), place))[:count][::-1]

    @torch.no_grad()
    def prompt(self, query: Query, shown: Sequence[int], blank: bool = False) -> torch.Tensor:
        """(1, T, width)."""
        nothing = torch.zeros(VISION_WIDTH)
        parts = [self.read([self.words.bos_token_id])]
        for demo in (DEMOS[place] for place in shown):
            parts += self.question(nothing if blank or demo.image < 0 else self.stored[demo.image], demo.text, demo.mention)
            parts += [self.read(self.ids(demo.name)), self.read(self.ids("\n"))]
        features = nothing
        if not blank and query.image is not None:
            pixels = self.processor(Image.open(query.image).convert("RGB"), return_tensors="pt")["pixel_values"]
            features = self.clip.vision_model(pixel_values=pixels).pooler_output[0]
        parts += self.question(features, query.text, query.surface)
        return torch.cat(parts)[None]

    @torch.no_grad()
    def score(self, prompt: torch.Tensor, name: str) -> float:
        """The mean log-probability of its tokens and the end token."""
        answer = [*self.ids(name), self.words.eos_token_id]
        whole = torch.cat((prompt, self.read(answer)[None]), 1)
        log_probs = self.lm(inputs_embeds=whole).logits[0].log_softmax(-1)
        first = prompt.shape[1] - 1
        return sum(float(log_probs[first + place, token]) for place, token in enumerate(answer)) / len(answer)

    @torch.no_grad()
    def written(self, prompt: torch.Tensor, names: Sequence[str], beams: int) -> list[tuple[tuple[int, ...], float]]:
        """By `generate`: tokens and scores of the best names."""
        end = self.words.eos_token_id
        allowed = {(*self.ids(name), end) for name in names}

        def callback(_: int, sent: torch.Tensor) -> list[int]:
            begun = tuple(sent.tolist())
            return sorted({name[len(begun)] for name in allowed if len(name) > len(begun) and name[: len(begun)] == begun}) or [
                end
            ]

        output = self.lm.generate(
            inputs_embeds=prompt,
            attention_mask=torch.ones(prompt.shape[:2], dtype=torch.long),
            prefix_allowed_tokens_fn=callback,
            num_beams=beams,
            num_return_sequences=beams,
            max_new_tokens=32,
            do_sample=False,
            early_stopping=False,
            output_scores=True,
            return_dict_in_generate=True,
        )
        rows = zip(output.sequences.tolist(), output.sequences_scores.tolist(), strict=True)
        return [(tuple(ids[: ids.index(end)]), score) for ids, score in rows if end in ids]
