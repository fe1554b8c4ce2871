"""BLIP-2, by its image-text contrastive head."""

from typing import Any

from torch import Tensor, nn

from robustmel.linkers.architecture import Architecture
from robustmel.linkers.dual_encoder import DualEncoder

QUERY_TOKENS = 6
"""Vectors a fresh model describes an image by; 32 in the published ones, whose images have seven times as many patches."""


class BLIP2(DualEncoder):
    """BLIP-2, with its contrastive head (ITC): the Q-Former's best query vector for each text (Li et al., 2023).

    Takes the parameters of `DualEncoder`. IT2T sums every query vector of the image with the text's vector, and again the best
    sum counts, so that on either task one query vector decides. The matching head (ITM) and the language model are not used.
    Texts go to the Q-Former as the tokenizer gives them: the places for an image, which a processor may put before them, are
    none of theirs. Such checkpoints do not keep the learnt temperature: `logit_scale` is the configuration's
    `logit_scale_init_value` where it states one, else 1 / 0.07.

    Source:
        Li et al., "BLIP-2: Bootstrapping Language-Image Pre-training with Frozen Image Encoders and Large Language Models",
        ICML 2023, section 3.2.
    """

    library_class = "Blip2ForImageTextRetrieval"
    model_types = ("blip-2",)
    processor_class = "BlipImageProcessorPil"
    processor_sizes = ("size",)

    @staticmethod
    def image_features(model: Any, pixel_values: Tensor) -> Tensor:
        """One projected vector for each of the Q query tokens: (B, Q, D)."""
        patches = model.vision_model(pixel_values=pixel_values).last_hidden_state
        queries = model.query_tokens.expand(len(patches), -1, -1)
        read = model.qformer(query_embeds=queries, encoder_hidden_states=patches).last_hidden_state
        features: Tensor = model.vision_projection(read)
        return features

    @staticmethod
    def text_features(model: Any, tokens: Tensor, mask: Tensor) -> Tensor:
        """The projected first token of the Q-Former, which sees no image here."""
        embedded = model.embeddings(input_ids=tokens)
        read = model.qformer(query_embeds=embedded, query_length=0, attention_mask=mask).last_hidden_state
        features: Tensor = model.text_projection(read[:, 0])
        return features

    @staticmethod
    def text_limit(config: Any, tokenizer: Any) -> int:
        """The Q-Former's; the configuration's text model is the language model, which is not used."""
        return min(int(config.qformer_config.max_position_embeddings), int(tokenizer.model_max_length))

    @staticmethod
    def compare(images: Tensor | None, texts: Tensor | None, labels: Tensor, normalise: bool) -> Tensor:
        """The largest cosine over an image's query vectors, each summed with the text where there is one; images (B, Q, D)."""
        if images is None:
            return DualEncoder.compare(None, texts, labels, normalise)
        repeated = None if texts is None else texts[:, None].expand_as(images).flatten(0, 1)
        cosines = DualEncoder.compare(images.flatten(0, 1), repeated, labels, normalise)
        return cosines.view(len(images), -1, len(labels)).amax(1)

    @classmethod
    def fresh_model(cls, shape: Architecture, tokenizer: Any) -> Any:
        """A vision transformer, and a Q-Former that reads images and texts."""
        from transformers import Blip2Config, Blip2ForImageTextRetrieval

        # As for BLIP: the library's deviations are for weights that are loaded, or for wide towers.
        vision = shape.vision_tower | {"initializer_range": shape.vision_width**-0.5}
        former = shape.text_tower(tokenizer) | {
            "initializer_range": shape.text_width**-0.5,
            "cross_attention_frequency": 1,  # every layer reads the image: there are few
            "use_qformer_text_input": True,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
        }
        config = Blip2Config(
            vision_config=vision,
            qformer_config=former,
            num_query_tokens=QUERY_TOKENS,
            image_text_hidden_size=shape.projection,
        )
        model = Blip2ForImageTextRetrieval(config)
        # The library makes them zero, and queries that begin alike stay alike.
        nn.init.normal_(model.query_tokens, std=former["initializer_range"])
        return model
