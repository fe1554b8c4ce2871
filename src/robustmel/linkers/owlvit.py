"""OWL-ViT."""

from robustmel.linkers.dual_encoder import DualEncoder


class OWLViT(DualEncoder):
    """OWL-ViT, a detector of objects named in words; uses its CLIP towers (Minderer et al., 2022).

    Takes the parameters of `DualEncoder`. The image is seen as a whole: its embedding is that of the class token, and the
    detector's boxes are not used. A text is read at its end token, which has the largest id. Texts have at most 16 tokens in
    the published models, so that a `query_text` of "sentence" or "both" is often cut; cut texts are counted.

    Source:
        Minderer et al., "Simple Open-Vocabulary Object Detection with Vision Transformers", ECCV 2022.
    """

    library_class = "OwlViTModel"
    model_types = ("owlvit",)
    processor_class = "OwlViTImageProcessorPil"
    end_has_largest_id = True
