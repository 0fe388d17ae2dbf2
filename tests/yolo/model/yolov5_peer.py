"""Asks the reference, YOLOv5 v7.0 in Python, what it makes of checkpoints that we wrote.

usage: yolov5_peer.py YOLOV5_DIR built FILE CFG     FILE holds what Model(CFG) is, attribute by attribute
       yolov5_peer.py YOLOV5_DIR same FILE FILE     both hold the same network, to the last bit
       yolov5_peer.py YOLOV5_DIR resume FILE        FILE has what train.py wants
       yolov5_peer.py YOLOV5_DIR detect FILE SOURCE OUT    detect.py's labels, into OUT/labels
Ends with 0 and prints what it looked at, or says what is wrong. 69: something it needs is not installed.
"""
import importlib.machinery
import os
import sys
import types


def stub_ipython():
    """The reference imports IPython for notebooks alone; Debian need not have it here."""
    ipython, display = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.__spec__ = importlib.machinery.ModuleSpec("IPython", None)
    ipython.get_ipython = lambda: None
    ipython.version_info = (8, 24)
    display.display = lambda *_: None
    ipython.display = display
    sys.modules.setdefault("IPython", ipython)
    sys.modules.setdefault("IPython.display", display)


stub_ipython()
sys.path.insert(0, sys.argv[1])
os.environ["YOLOv5_AUTOINSTALL"] = "false"
try:
    import torch
    import cv2  # noqa: F401
    import pandas  # noqa: F401
    import torchvision  # noqa: F401
    from models.experimental import attempt_load
    from models.yolo import Model
except ImportError as missing:
    print(f"cannot import {missing.name or missing}")
    sys.exit(69)

wrong = []


def check(ok, what):
    if not ok:
        wrong.append(what)


def load(file):
    try:
        return torch.load(file, map_location="cpu", weights_only=False)
    except TypeError:  # before torch 1.13
        return torch.load(file, map_location="cpu")


def same_value(a, b):
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return a.shape == b.shape and torch.equal(a.float(), b.float())
    if isinstance(a, range):
        a = list(a)
    if isinstance(a, int) and isinstance(b, tuple):  # MaxPool2d(5) and MaxPool2d((5, 5)) are the same
        a = (a,) * len(b)
    if isinstance(a, (list, tuple)) and type(a) is type(b):
        return len(a) == len(b) and all(map(same_value, a, b))
    return type(a) is type(b) and a == b


def same_attributes(theirs, ours):
    """All that Python's constructors set is there, with the same types and values, but for the weights."""
    skipped = {"_modules", "_parameters", "_buffers", "training", "yaml_file"}
    added_later = {"nc"}  # by train.py
    all_of = [list(model.named_modules(remove_duplicate=False)) for model in (theirs, ours)]
    check([n for n, _ in all_of[0]] == [n for n, _ in all_of[1]], "the modules have other names")
    for (name, a), (_, b) in zip(*all_of):
        check(type(a) is type(b), f"{name}: is {type(b).__name__}, not {type(a).__name__}")
        for key, value in vars(a).items():
            if key in skipped:
                continue
            check(key in vars(b), f"{name} ({type(a).__name__}): lacks {key}")
            if key in vars(b):
                check(same_value(value, vars(b)[key]),
                      f"{name} ({type(a).__name__}): {key} is {vars(b)[key]!r}, not {value!r}")
        for key in set(vars(b)) - set(vars(a)) - added_later:
            check(False, f"{name} ({type(a).__name__}): has {key} = {vars(b)[key]!r}")
        for kind in ("_parameters", "_buffers", "_modules"):
            check(sorted(getattr(a, kind)) == sorted(getattr(b, kind)),
                  f"{name} ({type(a).__name__}): {kind} are {list(getattr(b, kind))}")
        for key, tensor in a._parameters.items():
            other = b._parameters.get(key)
            check((tensor is None) == (other is None), f"{name}: {key} is None in one of both")
            check(other is None or isinstance(other, torch.nn.Parameter), f"{name}: {key} is no parameter")


def outputs(model, x):
    with torch.no_grad():
        y = model(x)
    flat = []
    for part in y if isinstance(y, (list, tuple)) else [y]:
        flat += [t for t in (part if isinstance(part, (list, tuple)) else [part]) if torch.is_tensor(t)]
    return flat


def same_outputs(a, b, size=64):
    x = torch.linspace(0, 1, 3 * size * size).view(1, 3, size, size)
    for one, other in zip(outputs(a, x), outputs(b, x)):
        check(torch.isfinite(one).all().item(), "the outputs are not numbers")
        check(torch.equal(one, other), "the outputs differ")


def built(file, cfg):
    ours = load(file)["model"]
    theirs = type(ours)(cfg)
    same_attributes(theirs, ours)
    theirs.load_state_dict(ours.state_dict())  # strict: same names and shapes
    ours.eval(), theirs.eval()
    same_outputs(theirs, ours, 128)
    ours.fuse()
    attempt_load(file, device="cpu")
    check(all(p.requires_grad for p in ours.parameters()), "a parameter is not to be trained")
    copy = torch.nn.Sequential(load(file)["model"]).train()
    loss = sum(y.sum() for y in copy[0](torch.zeros(2, 3, 64, 64)) if torch.is_tensor(y))
    loss.backward()
    print(f"{len(list(ours.named_modules()))} modules as Python builds them")


def same(file, other):
    first, second = load(file), load(other)
    a, b = (c.get("ema") or c["model"] for c in (first, second))
    one, two = a.state_dict(), b.state_dict()
    check(list(one) == list(two), "the names of the weights differ")
    for name in one:
        check(one[name].dtype == two[name].dtype and torch.equal(one[name], two[name]), f"{name} differs")
    a, b = attempt_load(file, device="cpu"), attempt_load(other, device="cpu")
    check(dict(enumerate(a.names)) == b.names if isinstance(a.names, list) else a.names == b.names, "names differ")
    same_outputs(a, b)
    print(f"{len(one)} tensors are the same")


def resume(file):
    ckpt = load(file)
    for key in ("epoch", "best_fitness", "model", "ema", "updates", "optimizer", "opt", "git", "date"):
        check(key in ckpt, f"lacks {key}")
    check(isinstance(ckpt["epoch"], int), "the epoch is no number")
    again = Model(ckpt["model"].yaml, ch=3, nc=ckpt["model"].nc)
    again.load_state_dict(ckpt["model"].float().state_dict())
    print("epoch", ckpt["epoch"], "best", ckpt["best_fitness"], "roost" in ckpt)


def detect(file, source, out):
    import detect as program
    program.run(weights=file, source=source, device="cpu", save_txt=True, save_conf=True, nosave=True,
                project=os.path.dirname(out), name=os.path.basename(out), exist_ok=True)


torch.set_num_threads(2)
{"built": built, "same": same, "resume": resume, "detect": detect}[sys.argv[2]](*sys.argv[3:])
print("\n".join(wrong[:20]))
sys.exit(1 if wrong else 0)
