#!/usr/bin/python3
"""Teaches the denoiser: a small recurrent net that moves each frame's bands to where they would be in quiet.

    ./train.py --recordings FOLDER --acoustic acoustic.onnx --out FOLDER

Teacher and student are the acoustic model's own Gaussians (its context-free senones): what they say of people in quiet they shall
say of the same people in noise (Kullback-Leibler divergence), no transcript needed. Steps are seeded one by one, so that a run that
was cut short goes on where it was; other versions of torch or numpy give other weights. Whom it hears: people/recordings.py.
"""

import argparse
import hashlib
import json
import multiprocessing
import time
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import front_end as front
import noises

SEED = 41
UNITS = 96
# Frames that come after the one that is moved.
AHEAD = 4
SHOWN = 3 * front.BANDS
# The first steps learn the bands alone, which is cheap.
BAND_STEPS, STEPS = 300, 1_100
UTTERANCES, LONGEST_S = 12, 4
SCORED_FRAMES = 700
# Sharpness of the acoustic model's scores as probabilities.
SHARPNESS = 0.35
BAND_SHARE = 0.3
RATE, WARM_SHARE = 3e-3, 0.12
# A stream's density is never further below its best (convert-base.py).
STREAM_FLOOR_NATS = 9.8
CODEBOOKS, DENSITIES, STATES = 42, 128, 3
# Nats below the loudest frame that are speech.
SPEECH_NATS = 4.5
HELD_OUT = ("asterisk-en", "hedgewars-British", "klettres-uk", "ktuberling-da", "tuxpaint-el", "tuxpaint-nl")
SAVE_EVERY = 50
# A batch takes a second to make: after this long whoever makes them has failed.
BATCH_TIMEOUT_S = 600
GOLDEN_FRAMES = 24
# Of the way that the net learnt: all of it costs people in little noise more than it gives.
MOVED_SHARE = 0.7


class Recordings:
    """What people/recordings.py wrote."""

    def __init__(self, folder):
        described = json.loads((folder / "people.json").read_text())
        samples = np.fromfile(folder / "people.i16", "<i2")
        ends = np.cumsum([row["samples"] for row in described])
        said = [(row["of"], samples[end - row["samples"] : end]) for row, end in zip(described, ends)]
        self.taught = [sound for of, sound in said if of not in HELD_OUT]
        self.held_out = [sound for of, sound in said if of in HELD_OUT]


def batch(rng, people, count, length):
    """(shown [utterance, frame, 75], bands in noise, the same in quiet), log and after the front end's own noise removal."""
    near, noise, room = (np.zeros((count, length), np.float32) for _ in range(3))
    for at in range(count):
        said = people[rng.integers(len(people))].astype(np.float32)
        # Other throats, other tempo.
        factor = rng.uniform(0.86, 1.18)
        said = np.interp(np.arange(int(len(said) / factor)) * factor, np.arange(len(said)), said)
        start = int(rng.uniform(0.1, 0.9) * noises.RATE_HZ)
        said = said[: length - start] * rng.uniform(0.05, 1)
        near[at, start : start + len(said)] = said
        loud = np.sqrt((said**2).sum() / (len(said) + start)) + 1e-3
        room[at] = noises.rush(rng, length) * loud * 10 ** (-rng.uniform(30, 42) / 20)
        ratio = rng.uniform(0, 24) if rng.random() > 0.12 else 40
        noise[at] = noises.noise(rng, length, people) * loud * 10 ** (-ratio / 20)
    bins = front.TRANSFORM // 2 + 1
    colour = np.stack([noises.wandering(rng, bins, 4, 6) for _ in range(count)])[:, None].astype(np.float32)
    quiet = front.spectra(near + room) * colour
    # The same microphone for the noise, or a noise of any colour.
    noisy = quiet + front.spectra(noise) * (colour if rng.random() < 0.5 else 1)
    powers = front.band_powers(noisy)
    cleaned, tracked = front.without_noise(powers)
    wanted, _ = front.without_noise(front.band_powers(quiet))
    parts = front.shown(powers, cleaned, tracked), front.log_bands(cleaned), front.log_bands(wanted)
    return [torch.from_numpy(part.astype(np.float32)) for part in parts]


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.entry = nn.Linear(SHOWN, UNITS)
        self.first, self.second = (nn.GRU(UNITS, UNITS, batch_first=True) for _ in range(2))
        self.exit = nn.Linear(2 * UNITS, front.BANDS)
        nn.init.zeros_(self.exit.weight)
        nn.init.zeros_(self.exit.bias)
        self.register_buffer("centre", torch.zeros(SHOWN))
        self.register_buffer("spread", torch.ones(SHOWN))

    def forward(self, shown):
        first, _ = self.first(torch.relu(self.entry((shown - self.centre) / self.spread)))
        second, _ = self.second(first)
        return self.exit(torch.cat([first, second], dim=2))


class Teacher:
    """The context-free senones of the acoustic model that ships."""

    def __init__(self, path):
        held = {one.name: numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}
        group, place = np.divmod(held["senone_column"][: STATES * CODEBOOKS], held["weight_codes"].shape[3])
        weights = held["weight_table"][held["weight_codes"][:, group, :, place]]  # [senone, stream, density]
        by_book = weights.transpose(1, 2, 0).reshape(3, DENSITIES, CODEBOOKS, STATES).transpose(0, 2, 1, 3)
        self.weights = torch.from_numpy(np.ascontiguousarray(by_book, np.float32))
        self.basis, self.constant = torch.from_numpy(held["A"].copy()), torch.from_numpy(held["c"].copy())
        # Inverse spread of each feature over everything.
        precision = -2 * held["A"][:, : front.CEPSTRA]
        mean = held["A"][:, front.CEPSTRA :] / precision
        self.precision = torch.from_numpy((1 / ((1 / precision).mean(axis=2) + mean.var(axis=2))).reshape(-1))

    def senones(self, rows):
        """rows [frame, 39] -> log likelihoods [frame, senone]."""
        x = rows.reshape(-1, 3, front.CEPSTRA).permute(1, 0, 2)
        density = torch.bmm(torch.cat([x * x, x], dim=2), self.basis) + self.constant
        density = torch.maximum(density, density.max(dim=2, keepdim=True)[0] - STREAM_FLOOR_NATS)
        density = density.reshape(3, -1, CODEBOOKS, DENSITIES)
        best = density.max(dim=3, keepdim=True)[0]
        mixed = torch.einsum("snbd,sbdk->snbk", torch.exp(density - best), self.weights)
        return (torch.log(mixed + 1e-30) + best).sum(dim=0).reshape(len(rows), -1)


TRANSFORM = torch.from_numpy(front.COSINE_TRANSFORM)


def features(bands, speech):
    """bands [utterance, frame, band] -> [utterance, frame, 39], the mean over speech taken off the statics."""
    cepstra = bands @ TRANSFORM.T
    ends = nn.functional.pad(cepstra.transpose(1, 2), (3, 3), mode="replicate").transpose(1, 2)
    count = cepstra.shape[1]

    def at(by):
        return ends[:, 3 + by : 3 + by + count]

    mean = (cepstra * speech[:, :, None]).sum(dim=1, keepdim=True) / speech.sum(dim=1)[:, None, None].clamp(min=1)
    return torch.cat([cepstra - mean, at(2) - at(-2), at(3) - at(-1) - (at(1) - at(-3))], dim=2)


def moved(net, shown, noisy, quiet):
    """Bands moved by the net and those in quiet, where the net has heard what comes after."""
    return noisy[:, :-AHEAD] + net(shown)[:, AHEAD:], quiet[:, :-AHEAD]


def divergence(teacher, quiet, found):
    with torch.no_grad():
        wanted = SHARPNESS * teacher.senones(quiet)
    told = torch.log_softmax(SHARPNESS * teacher.senones(found), dim=1)
    return (torch.softmax(wanted, dim=1) * (torch.log_softmax(wanted, dim=1) - told)).sum(dim=1).mean()


def speech_of(quiet):
    loudness = quiet.mean(dim=2)
    return (loudness > loudness.max(dim=1, keepdim=True)[0] - SPEECH_NATS).float()


def losses(net, teacher, parts, scores):
    """(band loss, divergence or None) of a batch; `scores` draws frames, speech oftener than pauses."""
    found, quiet = moved(net, *parts)
    speech = speech_of(quiet)
    wanted, got = features(quiet, speech), features(found, speech)
    apart = ((wanted - got) ** 2 * teacher.precision).mean()
    if scores is None:
        return apart, None
    picked = torch.multinomial((speech + 0.15).reshape(-1), SCORED_FRAMES, generator=scores)
    rows = [value.reshape(-1, value.shape[2])[picked] for value in (wanted, got)]
    return apart, divergence(teacher, *rows)


@torch.no_grad()
def judged(net, teacher, people):
    """Mean divergence on people that were held out, in noise as they are taught in, by the front end alone and with the net."""
    out = []
    for seed in range(4):
        shown, noisy, quiet = batch(np.random.default_rng([SEED, 1, seed]), people, UTTERANCES, 4 * noises.RATE_HZ)
        found, wanted = moved(net, shown, noisy, quiet)
        speech = speech_of(wanted)
        picked = speech.reshape(-1) > 0
        rows = [features(bands, speech).reshape(-1, 39)[picked] for bands in (wanted, noisy[:, :-AHEAD], found)]
        out.append([divergence(teacher, rows[0], row).item() for row in rows[1:]])
    return np.mean(out, axis=0)


def feed(queue, people, begin, steps):
    torch.set_num_threads(1)
    for step in range(begin, steps):
        rng = np.random.default_rng([SEED, 0, step])
        length = LONGEST_S * noises.RATE_HZ + front.SHIFT * int(rng.integers(0, 60))
        queue.put([part.numpy() for part in batch(rng, people, UTTERANCES, length)])


def fingerprint(options):
    """Of all that decides the weights: a checkpoint of anything else is not gone on with."""
    here = Path(__file__).resolve().parent
    parts = [*sorted(here.glob("*.py")), options.recordings / "people.json", options.acoustic]
    return hashlib.sha256(b"".join(hashlib.sha256(part.read_bytes()).digest() for part in parts)).hexdigest()


def taught(recordings, teacher, checkpoint, mark):
    torch.manual_seed(SEED)
    net = Denoiser()
    shown, _, _ = batch(np.random.default_rng([SEED, 2]), recordings.taught, 2 * UTTERANCES, 5 * noises.RATE_HZ)
    net.centre[:], net.spread[:] = shown.mean(dim=(0, 1)), shown.std(dim=(0, 1)) + 0.1
    optimiser = torch.optim.Adam(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, pct_start=WARM_SHARE, total_steps=STEPS)
    parts = {"net": net, "optimiser": optimiser, "schedule": schedule}
    begin = 0
    saved = torch.load(checkpoint) if checkpoint.exists() else {}
    if saved.get("of") == mark:
        begin = saved["step"]
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        print(f"goes on at step {begin} of {STEPS}", flush=True)
    queue = multiprocessing.Queue(3)
    feeder = multiprocessing.Process(target=feed, args=(queue, recordings.taught, begin, STEPS), daemon=True)
    feeder.start()
    since, told = time.time(), []
    for step in range(begin, STEPS):
        bands_alone = step < BAND_STEPS
        scores = None if bands_alone else torch.Generator().manual_seed(SEED + step)
        apart, diverged = losses(net, teacher, [torch.from_numpy(part) for part in queue.get(timeout=BATCH_TIMEOUT_S)], scores)
        loss = apart if diverged is None else diverged + BAND_SHARE * apart
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        told.append((apart.item(), 0 if diverged is None else diverged.item()))
        if (step + 1) % SAVE_EVERY == 0:
            states = {name: part.state_dict() for name, part in parts.items()}
            torch.save({"of": mark, "step": step + 1, **states}, checkpoint)
            apart, diverged = np.mean(told[-SAVE_EVERY:], axis=0)
            print(
                f"step {step + 1} of {STEPS}, {time.time() - since:.0f} s: bands apart {apart:.3f}, divergence {diverged:.3f}",
                flush=True,
            )
    feeder.join()
    return net.eval()


def gru(net, name, initial):
    """A torch GRU's weights in ONNX's order of gates (z, r, h)."""

    def ordered(value):
        reset, update, new = value.detach().numpy().reshape(3, UNITS, -1)
        return np.concatenate([update, reset, new])[None]

    weight, recurrent = ordered(net.weight_ih_l0), ordered(net.weight_hh_l0)
    bias = np.concatenate([ordered(net.bias_ih_l0), ordered(net.bias_hh_l0)], axis=1)[:, :, 0]
    return [initial(f"{name}_{part}", value) for part, value in (("W", weight), ("R", recurrent), ("B", bias))]


def graph(net):
    """frames [frame, 75] and state [2, 1, units] -> moves [frame, 25] and the state after; weights are kept in half precision."""
    initial, nodes = [], []

    def node(op, inputs, outputs, **attributes):
        nodes.append(helper.make_node(op, inputs, outputs, **attributes))

    def weight(name, value):
        initial.append(numpy_helper.from_array(np.ascontiguousarray(value).astype(np.float16), f"{name}_half"))
        node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT)
        return name

    def whole(name, value):
        initial.append(numpy_helper.from_array(np.array(value, np.int64), name))
        return name

    node("MatMul", ["frames", weight("entry_W", net.entry.weight.detach().numpy().T)], ["entry0"])
    node("Add", ["entry0", weight("entry_B", net.entry.bias.detach().numpy())], ["entry1"])
    node("Relu", ["entry1"], ["entry2"])
    node("Unsqueeze", ["entry2", whole("one", [1])], ["entry"])
    node("Split", ["state"], ["state0", "state1"], axis=0)
    for name, source, state in (("first", "entry", "state0"), ("second", "first", "state1")):
        weights = gru(getattr(net, name), name, weight)
        outputs = [f"{name}_by_direction", f"{name}_last"]
        node("GRU", [source, *weights, "", state], outputs, hidden_size=UNITS, linear_before_reset=1)
        node("Squeeze", [outputs[0], "one"], [name])
    node("Concat", ["first", "second"], ["both0"], axis=2)
    node("Squeeze", ["both0", "one"], ["both"])
    node("MatMul", ["both", weight("exit_W", net.exit.weight.detach().numpy().T)], ["moves0"])
    node("Add", ["moves0", weight("exit_B", net.exit.bias.detach().numpy())], ["moves"])
    node("Concat", ["first_last", "second_last"], ["state_after"], axis=0)
    state = [2, 1, UNITS]
    return helper.make_graph(
        nodes,
        "starling-denoiser",
        [
            helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["count", SHOWN]),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, state),
        ],
        [
            helper.make_tensor_value_info("moves", TensorProto.FLOAT, ["count", front.BANDS]),
            helper.make_tensor_value_info("state_after", TensorProto.FLOAT, state),
        ],
        initial,
    )


@torch.no_grad()
def settled(net):
    """The net as it is kept: what it is shown is no longer scaled, part of the way is gone, weights are halves."""
    net.entry.weight[:] = net.entry.weight / net.spread
    net.entry.bias[:] = net.entry.bias - net.entry.weight @ net.centre
    net.centre[:], net.spread[:] = 0, 1
    net.exit.weight *= MOVED_SHARE
    net.exit.bias *= MOVED_SHARE
    return net.half().float()


def probes(net):
    """Rows as the net is shown them, [GOLDEN_FRAMES, 75]."""
    noise = np.random.default_rng([SEED, 3]).normal(size=(GOLDEN_FRAMES, SHOWN))
    return (net.centre.numpy() + net.spread.numpy() * noise).round(3)


def written(net, shown, folder):
    model = helper.make_model(graph(net), opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    (folder / "denoiser.onnx").write_bytes(model.SerializeToString())
    with torch.no_grad():
        moves = net(torch.from_numpy(shown[None].astype(np.float32)))[0]
    golden = {
        "ahead": AHEAD,
        "units": UNITS,
        "tolerance": 0.01,
        "frames": shown.tolist(),
        "moves": moves.numpy().astype(np.float64).round(4).tolist(),
    }
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--acoustic", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    recordings, teacher = Recordings(options.recordings), Teacher(options.acoustic)
    checkpoint = options.recordings / "denoiser.checkpoint"
    net = taught(recordings, teacher, checkpoint, fingerprint(options))
    shown = probes(net)
    net = settled(net)
    before, after = judged(net, teacher, recordings.held_out)
    print(f"people held out: divergence {before:.3f} by the front end alone, {after:.3f} with the denoiser", flush=True)
    written(net, shown, options.out)
    checkpoint.unlink()


if __name__ == "__main__":
    main()
