"""Everything that may differ on a GPU, compared with the processor in float32: `robustmel selftest --device cuda`."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from robustmel.linkers import LINKERS
from robustmel.registry import own_parameters
from robustmel.run.stages.link import answers
from robustmel.selftest.device_trial import DeviceTrial, Load, apart, load
from robustmel.selftest.verdict import Verdict
from robustmel.types import Prediction

CLOSE = 1e-3
"""Scores in float32 may differ by this share of their spread: far more than rounding, far less than a wrong weight or layer."""
ALIGNED = 0.999
"""Cosine of a mention's two gradients, at least."""
OTHERWISE = 0.1
"""Share of the mentions (and one mention at least) that an attack may end otherwise on: signs of tiny slopes turn by rounding."""
AGREEING = 0.75
"""Share of the mentions whose best candidate half precision must leave as it is."""
NO_GPU = "skipped: no CUDA device here"


@dataclass(frozen=True)
class Extent:
    """How much is tested.

    Args:
        linkers: One a kind: a dual encoder, a generative linker, a multimodal language model.
        mentions: Asked about.
        attacked: Attacked, of these.
        steps: Of the attack.
        fitting: Sequences or images that a layer may read at once while memory is scarce.
    """

    linkers: tuple[str, ...] = ("clip-world", "gemel-news", "llava-world")
    mentions: int = 24
    attacked: int = 8
    steps: int = 10
    fitting: int = 16


FULL = Extent()


def check_device(device: str, extent: Extent = FULL, load: Load = load) -> list[Verdict]:
    """A line for each check of each linker, those that cannot be made here being said to be skipped.

    Args:
        device: "cuda", "cpu" (the processor against itself) or another of torch's.
        extent: How much is tested.
        load: Loads linkers.
    """
    if device.startswith("cuda") and not torch.cuda.is_available():
        made = [f"{name}: {what}" for name in extent.linkers for what in [*CHECKS, *(HALVES if _has_dtype(name) else ())]]
        return [Verdict(name, "", NO_GPU, skipped=True) for name in [*made, "several devices"]]
    verdicts = [Verdict("device", "", seen(device))]
    for name in extent.linkers:
        try:
            trial = DeviceTrial(name, device, extent.mentions, load)
        except Exception as problem:  # also where memory runs out while a model is loaded
            verdicts.append(_refused(f"{name}: loaded", problem))
            continue
        verdicts += [_guarded(f"{name}: {what}", check, trial, extent) for what, check in CHECKS.items()]
        if _has_dtype(name):
            verdicts += [_guarded(f"{name}: {dtype}", _half_precision, trial, extent, dtype) for dtype in HALVES]
    return [*verdicts, _guarded("several devices", _several_devices, device, extent, load)]


def seen(device: str) -> str:
    """What the device is, and what is switched on."""
    about = f"torch {torch.__version__}; images are copied without pinned memory"
    if not device.startswith("cuda"):
        return f"{device}, {torch.get_num_threads()} threads; {about}"
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    backends = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    tf32 = f"TF32 in convolutions {'on' if backends[0] else 'off'}, in products {'on' if backends[1] else 'off'}"
    return f"{len(names)} x {', '.join(dict.fromkeys(names))}; CUDA {torch.version.cuda}; {tf32}; {about}"


def _has_dtype(name: str) -> bool:
    return "dtype" in own_parameters(LINKERS.load(name))


def _guarded(title: str, check: Callable[..., Verdict], *given: Any) -> Verdict:
    try:
        return check(title, *given)
    except Exception as problem:  # whatever the device refuses is what is asked here
        return _refused(title, problem)


def _refused(title: str, problem: Exception) -> Verdict:
    return Verdict(title, "no error", "an error", (f"{type(problem).__name__}: {problem}"[:400].rstrip("."),))


def _scores(title: str, trial: DeviceTrial, extent: Extent) -> Verdict:
    table = trial.scores(trial.other)
    difference, same = apart(table, trial.known), _agreement(table, trial.known)
    reported = f"{difference:.1e} of the spread; best candidate the same for {same:.0%} of {len(table)}"
    faults = [f"scores differ by {difference:.1e} of their spread; {CLOSE:.0e} is allowed"] if difference > CLOSE else []
    return Verdict(title, f"at most {CLOSE:.0e}", reported, tuple(faults))


def _gradients(title: str, trial: DeviceTrial, extent: Extent) -> Verdict:
    ours, theirs = (trial.gradient(linker, extent.attacked) for linker in (trial.other, trial.reference))
    least = float(torch.cosine_similarity(ours, theirs).min())
    faults = [] if least >= ALIGNED else [f"a gradient to the pixels has cosine {least:.4f} with the processor's"]
    return Verdict(title, f"cosine at least {ALIGNED}", f"cosine {least:.6f} at least, of {len(ours)}", tuple(faults))


def _attack(title: str, trial: DeviceTrial, extent: Extent) -> Verdict:
    ours, theirs = (trial.attacked(linker, extent.attacked, extent.steps) for linker in (trial.other, trial.reference))
    count, apart_on = len(ours.fooled), int((ours.fooled != theirs.fooled).sum())
    allowed = max(1, int(OTHERWISE * count))
    shares = [1 - float(made.fooled.float().mean()) for made in (theirs, ours)]
    faults = [f"PGD ended otherwise on {apart_on} of {count} mentions"] if apart_on > allowed else []
    return Verdict(
        title, f"PGD otherwise on {allowed} at most", f"PGD leaves {shares[0]:.0%} here, {shares[1]:.0%} there", tuple(faults)
    )


def _repeats(title: str, trial: DeviceTrial, extent: Extent) -> Verdict:
    first, second = (trial.attacked(trial.other, extent.attacked, extent.steps) for _ in range(2))
    faults = []
    if not (first.images == second.images).all():
        faults.append("the same attack with the same seeds made other images the second time")
    elif not torch.equal(first.scores, second.scores):
        faults.append("the same images got other scores the second time")
    refused = _not_deterministic(trial, extent)
    listed = f"torch vouches for all but {', '.join(refused)}" if refused else "torch vouches for every operation"
    return Verdict(title, "the same bytes twice", f"{'other' if faults else 'the same'} bytes; {listed}", tuple(faults))


def _not_deterministic(trial: DeviceTrial, extent: Extent) -> list[str]:
    """Operations that torch says may give other bits each time."""
    mode = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        torch.use_deterministic_algorithms(True, warn_only=True)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            trial.gradient(trial.other, extent.attacked)
    finally:
        torch.use_deterministic_algorithms(mode[0], warn_only=mode[1])
    return sorted({str(warning.message).split()[0] for warning in told if "deterministic" in str(warning.message)})


def _memory(title: str, trial: DeviceTrial, extent: Extent) -> Verdict:
    """Answers with plenty of memory and with too little for a batch."""
    known = answers(trial.other, trial.queries, trial.task, trial.kb)
    with scarce_memory(extent.fitting) as refusals:
        scarce = answers(trial.other, trial.queries, trial.task, trial.kb)
    reported, faults = [f"{len(refusals)} refusals feigned"], _unlike(known, scarce)
    if not refusals:
        faults.append("no batch was large enough to be refused")
    if trial.device.startswith("cuda"):
        with capped_memory(trial.device, lambda: answers(trial.other, trial.queries, trial.task, trial.kb)) as refused:
            faults += _unlike(known, answers(trial.other, trial.queries, trial.task, trial.kb))
        reported.append(f"{refused()} true ones under a cap")
    return Verdict(title, "the same answers in smaller batches", ", ".join(reported), tuple(faults))


def _unlike(known: Sequence[Prediction], scarce: Sequence[Prediction]) -> list[str]:
    errors = [answer.error for answer in scarce if answer.error]
    if errors:
        return [f"{len(errors)} of {len(scarce)} mentions were not answered when memory ran out: {errors[0]}"]
    tables = [
        torch.nn.utils.rnn.pad_sequence([torch.tensor(list(answer.scores)) for answer in each], True)
        for each in (known, scarce)
    ]
    if [answer.ranked[:1] for answer in known] == [answer.ranked[:1] for answer in scarce] and apart(*tables) <= CLOSE:
        return []
    return ["answers changed when memory ran out and batches became smaller"]


@contextmanager
def scarce_memory(fitting: int) -> Iterator[list[int]]:
    """Within, layers that read more than so many sequences or images raise what torch raises when memory runs out; the sizes refused."""
    refused: list[int] = []

    def look(layer: nn.Module, given: tuple[Any, ...]) -> None:
        read = given[0] if given and isinstance(layer, nn.Linear | nn.Conv2d) else None
        if isinstance(read, Tensor) and read.dim() >= 3 and len(read) > fitting:
            refused.append(len(read))
            raise torch.OutOfMemoryError(f"out of memory, as feigned for a batch of {len(read)}")

    hook = nn.modules.module.register_module_forward_pre_hook(look)
    try:
        yield refused
    finally:
        hook.remove()


@contextmanager
def capped_memory(device: str, work: Callable[[], object]) -> Iterator[Callable[[], int]]:
    """Within, a GPU gives half of what some work takes beyond the model; what is yielded counts the allocations refused."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    held = torch.cuda.memory_reserved(device)
    work()
    cap = held + (torch.cuda.max_memory_reserved(device) - held) // 2
    torch.cuda.empty_cache()
    before = torch.cuda.memory_stats(device)["num_ooms"]
    torch.cuda.set_per_process_memory_fraction(cap / torch.cuda.get_device_properties(device).total_memory, device)
    try:
        yield lambda: int(torch.cuda.memory_stats(device)["num_ooms"]) - before
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)


def _half_precision(title: str, trial: DeviceTrial, extent: Extent, dtype: str) -> Verdict:
    linker = trial.load(trial.name, trial.kb, trial.device, {"dtype": dtype})
    table, gradient = trial.scores(linker), trial.gradient(linker, extent.attacked)
    faults = []
    if not torch.equal(table.isfinite(), trial.known.isfinite()):
        faults.append(f"scores are not finite in {dtype}")
    if not bool(gradient.isfinite().all() & (gradient != 0).any(1).all()):
        faults.append(f"gradients are not finite, or zero, in {dtype}")
    same = _agreement(table, trial.known)
    if same < AGREEING:
        faults.append(f"the best candidate changes for {1 - same:.0%} of the mentions")
    cosine = float(torch.cosine_similarity(gradient, trial.gradient(trial.reference, extent.attacked)).min())
    reported = f"best candidate the same for {same:.0%}; gradients finite, cosine {cosine:.3f} at least"
    return Verdict(title, f"finite; {AGREEING:.0%} of the best candidates", reported, tuple(faults))


def _agreement(table: Tensor, known: Tensor) -> float:
    return float((table.argmax(1) == known.argmax(1)).float().mean())


def _several_devices(title: str, device: str, extent: Extent, load: Load) -> Verdict:
    """The first linker on every GPU, as `--workers` puts one worker on each."""
    count = torch.cuda.device_count() if device == "cuda" else 1
    if count < 2:
        return Verdict(title, "", f"skipped: one device ({device})", skipped=True)
    worst = 0.0
    for number in range(count):
        trial = DeviceTrial(extent.linkers[0], f"cuda:{number}", extent.mentions, load)
        worst = max(worst, apart(trial.scores(trial.other), trial.known))
    faults = [f"scores differ by {worst:.1e} of their spread on one of them"] if worst > CLOSE else []
    return Verdict(title, f"at most {CLOSE:.0e}", f"{worst:.1e} of the spread on {count} devices", tuple(faults))


CHECKS: dict[str, Callable[[str, DeviceTrial, Extent], Verdict]] = {
    "scores": _scores,
    "gradients": _gradients,
    "attack": _attack,
    "repeated": _repeats,
    "out of memory": _memory,
}
HALVES = ("bfloat16", "float16")
