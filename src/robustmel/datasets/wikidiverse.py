"""WikiDiverse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robustmel.datasets.layouts.gemel import GEMEL
from robustmel.datasets.layouts.mimic import MIMICCleaned
from robustmel.datasets.layouts.recuts import DRIN_WIKIDIVERSE, DWE_WIKIDIVERSE
from robustmel.datasets.layouts.wikidiverse import WikiDiverse as Released
from robustmel.datasets.published import About, Published


@dataclass(frozen=True)
class WikiDiverse(Published):
    """WikiDiverse: captions of Wikinews on ten topics, with their pictures; entities of 13 types, linked to Wikipedia.

    Takes the parameters of `Published`.

    Source:
        Wang et al., "WikiDiverse: A Multimodal Entity Linking Dataset with Diversified Contextual Topics and Entity Types",
        ACL 2022.
    """

    name: ClassVar[str] = "wikidiverse"
    layouts: ClassVar = (
        Released(),
        Released(with_candidates=True),
        MIMICCleaned("wiki_diverse"),
        GEMEL("img_url"),
        DWE_WIKIDIVERSE,
        DRIN_WIKIDIVERSE,
    )
    about: ClassVar[About] = About(
        title="WikiDiverse",
        paper="Wang et al., ACL 2022",
        licence="CC BY-SA 4.0 (captions of Wikinews: CC BY 2.5); no redistribution of the images",
        offered="github.com/wangxw5/wikiDiverse (captions in the repository; candidates and tables: a drive folder, by hand)",
        images="the same drive folder, or fetched from the addresses in the captions with `robustmel fetch-images`",
        folder=(
            "train.json, valid.json, test.json                    captions with mentions (also in a folder raw/)",
            "train_w_10cands.json, ...                            one mention with ten candidates a row (also in w_10cands/)",
            "wikipedia_entity2desc_filtered.tsv                   descriptions of entities",
            "wikipedia_entity2imgs.tsv                            image addresses of entities",
            "images/<md5 of the last part of the address>.<suffix>",
        ),
        remarks=(
            "Official mentions: 13,205 / 1,552 / 1,570. The re-split that circulates with MIMIC has others (11,351 / 1,664 / 2,078):"
            " the check says which was read.",
            "Pages under several topics and NIL mentions are kept.",
        ),
    )
