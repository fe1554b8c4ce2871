"""CLIP."""

from types import MappingProxyType
from typing import Any

from robustmel.linkers.architecture import Architecture
from robustmel.linkers.dual_encoder import DualEncoder


class CLIP(DualEncoder):
    """CLIP, the standard dual encoder of image and text (Radford et al., 2021).

    Takes the parameters of `DualEncoder`. An image is embedded by its class token, a text by its end token; texts have at most
    77 tokens in the published models.

    Source:
        Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021.
    """

    library_class = "CLIPModel"
    model_types = ("clip",)
    processor_class = "CLIPImageProcessorPil"
    processor_options = MappingProxyType({"do_center_crop": False})

    @classmethod
    def fresh_model(cls, shape: Architecture, tokenizer: Any) -> Any:
        """Towers that state the projection's width, too."""
        from transformers import CLIPConfig, CLIPModel

        text, vision = shape.text_tower(tokenizer), shape.vision_tower
        text["projection_dim"] = vision["projection_dim"] = shape.projection
        return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=shape.projection))
